#include "relay/mime/to_utf8.h"

#include <iconv.h>
#include <stdint.h>

#define CHARSET_MAX 64

bool is_utf8(struct bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    if ((unsigned char)text.at[i] < 0x80) continue;
    size_t n = bytes_utf8_length(text, i);
    if (!n) return false;
    i += n - 1;
  }
  return true;
}

/* A name of a character set, and nothing that iconv takes for a request ("//TRANSLIT"). */
static bool name_of(struct bytes charset, char out[CHARSET_MAX]) {
  for (size_t i = 0; i < charset.len; i++) {
    char c = charset.at[i];
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    if (!plain) return false;
  }
  return charset.len && bytes_copy(charset, out, CHARSET_MAX);
}

/* E_SYNTAX when the text is not of that set; then nothing was added. */
static int convert(struct bytes text, const char *charset, struct buffer *out) {
  size_t before = out->len, left = text.len, room = 4 * text.len + 16;
  char *in = (char *)(uintptr_t)text.at;
  int rc = buffer_reserve(out, room);
  if (rc != OK) return rc;
  iconv_t cd = iconv_open("UTF-8", charset);
  if (cd == (iconv_t)-1) return E_SYNTAX;
  char *to = out->at + out->len;
  bool good = iconv(cd, &in, &left, &to, &room) != (size_t)-1 && iconv(cd, NULL, NULL, &to, &room) != (size_t)-1;
  iconv_close(cd);
  if (!good || left) return E_SYNTAX;
  out->len = (size_t)(to - out->at);
  struct bytes added = {out->at + before, out->len - before};
  if (is_utf8(added)) return OK;
  out->len = before;
  return E_SYNTAX;
}

/* Every octet is a character of it (RFC 1345). */
static int from_latin1(struct bytes text, struct buffer *out) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < text.len; i++) {
    unsigned char c = (unsigned char)text.at[i];
    char two[2] = {(char)(0xc0 | c >> 6), (char)(0x80 | (c & 0x3f))};
    rc = c < 0x80 ? buffer_add(out, text.at + i, 1) : buffer_add(out, two, 2);
  }
  return rc;
}

int to_utf8(struct bytes text, struct bytes charset, struct buffer *out) {
  char name[CHARSET_MAX];
  if (is_utf8(text)) return buffer_add_bytes(out, text);
  int rc = name_of(charset, name) ? convert(text, name, out) : E_SYNTAX;
  if (rc == E_SYNTAX) rc = convert(text, "WINDOWS-1252", out);
  return rc == E_SYNTAX ? from_latin1(text, out) : rc;
}

int to_utf8_of(struct bytes text, struct bytes charset, struct buffer *out) {
  char name[CHARSET_MAX];
  int rc = name_of(charset, name) ? convert(text, name, out) : E_SYNTAX;
  return rc == E_SYNTAX ? to_utf8(text, (struct bytes){"", 0}, out) : rc;
}

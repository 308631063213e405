#include "policy/spf/rdata.h"

#include "base/result.h"

#include <string.h>

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */

int rdata_text(struct bytes rdata, char *room, size_t size, struct bytes *out) {
  *out = (struct bytes){room, 0};
  for (size_t i = 0; i < rdata.len;) {
    size_t len = (unsigned char)rdata.at[i++], fits = size - out->len;
    if (len > rdata.len - i) return E_SYNTAX;
    memcpy(room + out->len, rdata.at + i, len < fits ? len : fits);
    out->len += len < fits ? len : fits;
    if (len > fits) return E_TOO_BIG;
    i += len;
  }
  return OK;
}

/* In text, a resolver takes a backslash for the start of an escape. */
static bool plain(char c) {
  return (unsigned char)c > 32 && (unsigned char)c < 127 && c != '\\';
}

bool rdata_name(struct bytes rdata, char out[NAME_MAX_TEXT + 1]) {
  size_t n = 0;
  for (size_t i = 0; i < rdata.len;) {
    size_t len = (unsigned char)rdata.at[i++];
    if (!len) {
      if (!n) out[n++] = '.';
      out[n] = '\0';
      return true;
    }
    if (len > LABEL_MAX || len > rdata.len - i || n + 1 + len > NAME_MAX_TEXT) return false;
    if (n) out[n++] = '.';
    for (size_t k = 0; k < len; k++) {
      char c = rdata.at[i + k];
      if (!plain(c) || c == '.') return false;
      out[n++] = c;
    }
    i += len;
  }
  return false;
}

bool question_name(const char *text, char out[NAME_MAX_TEXT + 1]) {
  size_t len = strlen(text);
  if (len && text[len - 1] == '.') len--;
  while (len > NAME_MAX_TEXT) {
    const char *dot = memchr(text, '.', len);
    if (!dot) return false;
    len -= (size_t)(dot + 1 - text);
    text = dot + 1;
  }
  size_t label = 0;
  for (size_t i = 0; i < len; i++) {
    if ((!plain(text[i]) && text[i] != ' ') || (text[i] == '.' && !label)) return false;
    label = text[i] == '.' ? 0 : label + 1;
    if (label > LABEL_MAX) return false;
  }
  memcpy(out, text, len);
  out[len] = '\0';
  return label > 0;
}

#include "relay/xtext.h"

#include "base/result.h"

static int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool xchar(char c) {
  return c >= '!' && c <= '~' && c != '+' && c != '=';
}

/* "+" and two digits at `i`. */
static bool hexchar(struct bytes text, size_t i) {
  return text.len - i >= 3 && text.at[i] == '+' && hex_value(text.at[i + 1]) >= 0 && hex_value(text.at[i + 2]) >= 0;
}

bool xtext_valid(struct bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    if (xchar(text.at[i])) continue;
    if (!hexchar(text, i)) return false;
    i += 2;
  }
  return true;
}

int xtext_decode(struct bytes text, struct buffer *out) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < text.len; i++) {
    int c = (unsigned char)text.at[i];
    if (c == '+' && hexchar(text, i)) {
      c = hex_value(text.at[i + 1]) * 16 + hex_value(text.at[i + 2]);
      i += 2;
    }
    char octet = (char)c;
    if (c < ' ' || c > '~') octet = '?';
    rc = buffer_add(out, &octet, 1);
  }
  return rc;
}

/* The length of "\x{HEX}" at `i`, or 0: two to six capital digits, a character that exists (RFC 6533 3). */
static size_t embedded(struct bytes text, size_t i) {
  struct bytes rest = bytes_from(text, i);
  uint32_t point = 0;
  size_t at = 3;
  if (!bytes_starts_nocase(rest, BYTES("\\x{")) || rest.at[1] != 'x') return 0;
  for (; at < rest.len && at < 9 && hex_value(rest.at[at]) >= 0; at++)
    point = point * 16 + (uint32_t)hex_value(rest.at[at]);
  if (at < 5 || at >= rest.len || rest.at[at] != '}') return 0;
  return point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? 0 : at + 1;
}

bool utf8_addr_valid(struct bytes text, bool raw) {
  for (size_t i = 0; i < text.len;) {
    unsigned char c = (unsigned char)text.at[i];
    size_t n = c >= 0x80 ? (raw ? bytes_utf8_length(text, i) : 0) : c == '\\' ? embedded(text, i) : xchar((char)c);
    if (!n) return false;
    i += n;
  }
  return true;
}

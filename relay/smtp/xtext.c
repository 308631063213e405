#include "relay/smtp/xtext.h"

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

int xtext_encode(struct bytes text, struct buffer *out) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < text.len; i++)
    rc = xchar(text.at[i]) ? buffer_add(out, text.at + i, 1) : buffer_addf(out, "+%02X", (unsigned char)text.at[i]);
  return rc;
}

/* The character at `i` of `length` octets. */
static uint32_t code_point(struct bytes text, size_t i, size_t length) {
  uint32_t point = (unsigned char)text.at[i];
  if (length > 1) point &= 0x7fu >> length;
  for (size_t at = i + 1; at < i + length; at++) point = point << 6 | ((unsigned char)text.at[at] & 0x3fu);
  return point;
}

/* `given`: only what is beyond ASCII is looked at, the rest is in its form already. */
static int write_utf8_addr(struct bytes text, bool raw, bool given, struct buffer *out) {
  int rc = OK;
  for (size_t i = 0, length; rc == OK && i < text.len; i += length) {
    bool beyond = (unsigned char)text.at[i] >= 0x80;
    length = beyond ? bytes_utf8_length(text, i) : 1;
    if (!length) length = 1; /* no UTF-8: octet by octet, which is the most that can be said of it */
    bool escape = beyond ? !raw : !given && (!xchar(text.at[i]) || text.at[i] == '\\');
    rc = escape ? buffer_addf(out, "\\x{%02X}", code_point(text, i, length)) : buffer_add(out, text.at + i, length);
  }
  return rc;
}

int utf8_addr_encode(struct bytes address, bool raw, struct buffer *out) {
  return write_utf8_addr(address, raw, false, out);
}

int utf8_addr_to_ascii(struct bytes text, struct buffer *out) {
  return write_utf8_addr(text, false, true, out);
}

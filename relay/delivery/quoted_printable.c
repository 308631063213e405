#include "relay/delivery/quoted_printable.h"

#define LINE_SAFE 990   /* RFC 5322 2.1.1: 998 without CRLF */
#define LINE_ENCODED 73 /* 76 with the "=" of a soft break and room for one "=XX" (RFC 2045 6.7 (5)) */

bool seven_bit_safe(struct bytes text) {
  size_t line = 0;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.at[i];
    if (c == 0 || c > 127) return false;
    if (c == '\r' && (i + 1 == text.len || text.at[i + 1] != '\n')) return false;
    if (c == '\n') {
      if (i == 0 || text.at[i - 1] != '\r') return false;
      line = 0;
    } else if (++line > LINE_SAFE) {
      return false;
    }
  }
  return true;
}

static bool literal(struct bytes text, size_t at) {
  char c = text.at[at];
  if (c == '=') return false;
  if (c == ' ' || c == '\t') return at + 1 < text.len && text.at[at + 1] != '\r'; /* not at the end of a line */
  return c > 0x20 && c < 0x7f;
}

int quoted_printable_add(struct bytes text, struct buffer *out) {
  size_t line = 0;
  int rc = OK;
  for (size_t i = 0; i < text.len && rc == OK; i++) {
    if (text.at[i] == '\r' && i + 1 < text.len && text.at[i + 1] == '\n') {
      rc = buffer_add(out, "\r\n", 2);
      line = 0;
      i++;
      continue;
    }
    bool plain = literal(text, i);
    if (line + (plain ? 1 : 3) > LINE_ENCODED) {
      rc = buffer_add(out, "=\r\n", 3);
      line = 0;
    }
    if (rc == OK) rc = plain ? buffer_add(out, text.at + i, 1) : buffer_addf(out, "=%02X", (unsigned char)text.at[i]);
    line += plain ? 1 : 3;
  }
  if (rc == OK && line) rc = buffer_add(out, "\r\n", 2);
  return rc;
}

/* Readers of what the gateway encodes, as strict as RFC 2045 lets them be. */
#ifndef SENDOFF_TESTS_FUZZ_DECODE_H
#define SENDOFF_TESTS_FUZZ_DECODE_H

#include "base/result.h"
#include "tests/fuzz/fuzz.h"

#include <nettle/base64.h>

static inline int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands behind "=": a soft line break, or an octet. Returns its length. */
static inline size_t decode_escape(struct bytes text, struct buffer *out) {
  CHECK(text.len >= 2);
  if (text.at[0] == '\r') {
    CHECK(text.at[1] == '\n');
    return 2;
  }
  int high = hex_digit(text.at[0]), low = hex_digit(text.at[1]);
  CHECK(high >= 0 && low >= 0);
  char octet = (char)(high * 16 + low);
  CHECK(buffer_add(out, &octet, 1) == OK);
  return 2;
}

/* RFC 2045 6.7: lines of 76 octets, none of which ends in white space. */
static inline void decode_quoted_printable(struct bytes text, struct buffer *out) {
  size_t line = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.at[i];
    if (c == '\r') {
      CHECK(i + 1 < text.len && text.at[i + 1] == '\n');
      CHECK(i == 0 || (text.at[i - 1] != ' ' && text.at[i - 1] != '\t'));
      CHECK(buffer_add(out, "\r\n", 2) == OK);
      i++;
    } else if (c == '=') {
      i += decode_escape(bytes_from(text, i + 1), out);
    } else {
      CHECK((c >= ' ' && c <= '~') || c == '\t');
      CHECK(buffer_add(out, &c, 1) == OK);
    }
    line = text.at[i] == '\n' ? 0 : line + (c == '=' ? 3 : 1);
    CHECK(line <= 76);
  }
}

static inline void decode_base64(struct bytes text, struct buffer *out) {
  struct base64_decode_ctx ctx;
  size_t room = BASE64_DECODE_LENGTH(text.len);
  CHECK(buffer_reserve(out, room + 1) == OK);
  base64_decode_init(&ctx);
  CHECK(base64_decode_update(&ctx, &room, (uint8_t *)out->at, text.len, text.at) && base64_decode_final(&ctx));
  out->len = room;
}

#endif

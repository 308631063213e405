#include "base/bytes.h"
#include "relay/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ESCAPED 6     /* octets of \u0080 */
#define REAL_DIGITS 9 /* 0.234, and not 0.23400000000000001 */

/* The character at `at`, if a terminal could obey it or it breaks or reverses a line: DEL, C1 (U+0080 to U+009F),
 * U+2028 to U+202E; else 0. JSON lets them stand as they are (RFC 8259 7), and jansson does. */
static unsigned hidden(const char *at, size_t *len) {
  const unsigned char *u = (const unsigned char *)at;
  *len = *u == 127 ? 1 : *u == 0xc2 ? 2 : 3;
  if (*u == 127) return 127;
  if (*u == 0xc2 && u[1] >= 0x80 && u[1] < 0xa0) return u[1];
  if (*u == 0xe2 && u[1] == 0x80 && u[2] >= 0xa8 && u[2] <= 0xae) return 0x2000u | (u[2] & 0x3fu);
  return 0;
}

/* They occur in strings only. NULL without memory. */
static char *escape(const char *text) {
  size_t count = 0, len;
  for (const char *at = text; *at; at++) count += hidden(at, &len) != 0;
  char *out = malloc(strlen(text) + count * ESCAPED + 1), *to = out;
  for (const char *at = text; out && *at;) {
    unsigned c = hidden(at, &len);
    if (c) {
      to += snprintf(to, ESCAPED + 1, "\\u%04X", c);
      at += len;
    } else {
      *to++ = *at++;
    }
  }
  if (out) *to = '\0';
  return out;
}

char *json_line(const json_t *object) {
  char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS)) : NULL;
  char *line = text ? escape(text) : NULL;
  free(text);
  return line;
}

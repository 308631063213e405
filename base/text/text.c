#include "base/text/text.h"

#include "base/bytes.h"

#include <string.h>

/* What turns the direction of a text round: U+202A to U+202E, U+2066 to U+2069. What follows is shown otherwise than it
 * is; marks of direction alone (U+200E, U+200F) do no harm. */
static bool is_turn(const char *at, size_t n) {
  const unsigned char *c = (const unsigned char *)at;
  if (n != 3 || c[0] != 0xe2) return false;
  if (c[1] == 0x80) return c[2] >= 0xaa && c[2] <= 0xae;
  return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9;
}

static bool is_control(const char *at, size_t n) {
  unsigned char c = (unsigned char)*at;
  return c < 32 || c == 127 || (c == 0xc2 && n == 2 && (unsigned char)at[1] < 0xa0) || is_turn(at, n);
}

void text_clean(char *text, bool controls) {
  struct bytes all = bytes_of(text);
  for (size_t i = 0, n; i < all.len; i += n) {
    unsigned char c = (unsigned char)text[i];
    n = c < 0x80 ? 1 : bytes_utf8_length(all, i);
    if (n && !(controls && is_control(text + i, n))) continue;
    if (!n) n = 1;
    memset(text + i, '?', n);
  }
}

bool text_has_no_controls(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) return false;
  return true;
}

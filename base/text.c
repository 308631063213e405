#include "base/text.h"

#include "base/bytes.h"

#include <string.h>

void text_clean(char *text, bool controls) {
  struct bytes all = bytes_of(text);
  for (size_t i = 0, n; i < all.len; i += n) {
    unsigned char c = (unsigned char)text[i];
    n = c < 0x80 ? 1 : bytes_utf8_length(all, i);
    bool control = c < 32 || c == 127 || (c == 0xc2 && n == 2 && (unsigned char)text[i + 1] < 0xa0);
    if (n && !(controls && control)) continue;
    if (!n) n = 1;
    memset(text + i, '?', n);
  }
}

bool text_has_no_controls(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7f) return false;
  return true;
}

#include "store/sqlite/table/number_list.h"

/* By hand: lists are written with every commit, and printf would take a tenth of its time. */
char *number_put(char *out, uint64_t n) {
  char digits[NUMBER_TEXT - 1];
  size_t len = 0;
  do digits[len++] = (char)('0' + n % 10);
  while (n /= 10);
  while (len) *out++ = digits[--len];
  *out++ = ' ';
  return out;
}

bool number_get(const char **text, uint64_t *out) {
  const char *at = *text;
  for (*out = 0; *at >= '0' && *at <= '9'; at++) {
    unsigned digit = (unsigned)(*at - '0');
    if (*out > (UINT64_MAX - digit) / 10) return false;
    *out = *out * 10 + digit;
  }
  if (at == *text || *at != ' ') return false;
  *text = at + 1;
  return true;
}

bool numbers_get(const char **text, uint64_t *out, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!number_get(text, &out[i])) return false;
  return true;
}

/* What every parser's test needs: a copy of the input in memory of exactly its size, so that ASan sees a read past its
 * end, and numbers that look random and are the same in every run. */
#ifndef SENDOFF_TESTS_UNIT_EXACT_H
#define SENDOFF_TESTS_UNIT_EXACT_H

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

/* `hold` is freed by the caller. */
static inline struct bytes exact_copy(struct bytes text, char **hold) {
  *hold = malloc(text.len ? text.len : 1);
  if (!*hold) abort();
  if (text.len) memcpy(*hold, text.at, text.len);
  return (struct bytes){*hold, text.len};
}

static inline uint32_t next_number(uint64_t *seed) { /* xorshift64* */
  *seed ^= *seed >> 12;
  *seed ^= *seed << 25;
  *seed ^= *seed >> 27;
  return (uint32_t)((*seed * UINT64_C(2685821657736338717)) >> 32);
}

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#endif

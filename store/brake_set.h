/* Whom an account has written to: fingerprints of recipients, each with the day on which it was noted. A hash table
 * that only grows; who has it empties it whole. One thread. Private to store/. */
#ifndef SENDOFF_STORE_BRAKE_SET_H
#define SENDOFF_STORE_BRAKE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct brake_set {  /* zeroed: empty */
  uint32_t *prints; /* 0: free */
  uint16_t *days;   /* the low bits */
  size_t slots, count;
};

void brake_set_free(struct brake_set *s); /* leaves it empty */
/* Notes it, or its newer day. OK or E_MEMORY. `print` is not 0. */
int brake_set_put(struct brake_set *s, uint32_t print, int64_t day);
/* True: it is there, since *age days. */
bool brake_set_find(const struct brake_set *s, uint32_t print, int64_t today, int64_t *age);
size_t brake_set_octets(const struct brake_set *s);

#endif

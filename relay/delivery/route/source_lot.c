#include "relay/delivery/route/source_lot.h"

#define FRACTION_BITS 32

/* The last mixing of SplitMix64: every bit of it depends on every bit of what goes in. */
static uint64_t mix(uint64_t h) {
  h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
  return h ^ (h >> 31);
}

/* FNV-1a of the address, then the message's id. */
static uint64_t hash(const char *address, int64_t message_id) {
  uint64_t h = UINT64_C(14695981039346656037);
  for (const char *c = address; *c; c++) h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
  return mix(mix(h) + (uint64_t)message_id);
}

/* 64 - log2(h), with FRACTION_BITS binary places. Squaring a number between 1 and 2 doubles its logarithm, so the next
 * place is whether the square has come to 2. */
static uint64_t cost_of(uint64_t h) {
  uint64_t log = 63;
  if (!h) h = 1;
  for (; !(h >> 63); h <<= 1) log--;
  uint64_t m = h >> 32; /* 1 to 2, with 31 places */
  for (int i = 0; i < FRACTION_BITS; i++) {
    m = (m * m) >> 31;
    log = log << 1 | m >> 32;
    m >>= m >> 32;
  }
  return (UINT64_C(64) << FRACTION_BITS) - log;
}

struct source_lot source_lot_draw(const char *address, unsigned weight, int64_t message_id) {
  return (struct source_lot){cost_of(hash(address, message_id)), weight ? weight : 1};
}

/* A cost has 39 bits at most, a weight 17. */
bool source_lot_wins(const struct source_lot *a, const struct source_lot *b) {
  return a->cost * b->weight < b->cost * a->weight;
}

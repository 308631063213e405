/* SipHash-2-4 (Aumasson, Bernstein): a short hash that nobody can make collide who does not know its key. Pure; any
 * thread. */
#ifndef SENDOFF_BASE_SIPHASH_H
#define SENDOFF_BASE_SIPHASH_H

#include "base/bytes.h"

struct siphash_key {
  unsigned char octets[16];
};
uint64_t siphash(const struct siphash_key *key, struct bytes text);

#endif

/* A count of mail: what a limit's unit picks one of. Plain data; any thread. */
#ifndef SENDOFF_BASE_TALLY_H
#define SENDOFF_BASE_TALLY_H

#include "base/text/limit.h"

#include <stdint.h>

struct tally {
  union {
    struct {
      uint64_t messages, recipients, octets;
    };
    uint64_t of[LIMIT_OCTETS + 1]; /* by enum limit_unit */
  };
};

static inline void tally_add(struct tally *t, const struct tally *more) {
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++) t->of[unit] += more->of[unit];
}
static inline void tally_take(struct tally *t, const struct tally *less) {
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++) t->of[unit] -= less->of[unit];
}

#endif

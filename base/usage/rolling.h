/* A window that rolls: what was counted in the last `length_us`, in slots of a twentieth of that. The running slot and
 * the twenty full ones before it count, each in full: no span of the window's length ever has more in it than the
 * window says, and what was counted leaves at most a slot later than it could. Pure; any thread. */
#ifndef SENDOFF_BASE_ROLLING_H
#define SENDOFF_BASE_ROLLING_H

#include "base/usage/tally.h"

#include <stddef.h>

#define ROLLING_SLOTS 20

struct rolling_slot {
  int64_t number; /* of the slots since 1970 */
  struct tally used;
};

struct rolling {
  struct tally total; /* of the slots */
  uint64_t count;
  struct rolling_slot slot[ROLLING_SLOTS + 1]; /* those that are not empty, oldest first */
};

/* Drops what has left the window. After a clock was set back, nothing leaves too early: by less than the window, what
 * is ahead of now stays where it is, and what comes is counted with it; by more, it is counted as if it had come just
 * now, so that a clock that was wrong keeps nothing for longer than the window is. */
void rolling_roll(struct rolling *r, int64_t length_us, int64_t now_us);
void rolling_add(struct rolling *r, int64_t length_us, int64_t now_us, const struct tally *more); /* rolls first */
/* The earliest moment at which no more than `keep` of that unit is left, if nothing comes; 0: it is so already. */
int64_t rolling_until(const struct rolling *r, int64_t length_us, enum limit_unit unit, uint64_t keep);
/* How far ahead of now the slot is that was counted in last; 0: it is not. */
int64_t rolling_ahead(const struct rolling *r, int64_t length_us, int64_t now_us);
/* Puts a slot after those that are there, for who reads one from where it was kept. E_SYNTAX: it does not come after
 * them, or there is no room. */
int rolling_put(struct rolling *r, const struct rolling_slot *slot);

#endif

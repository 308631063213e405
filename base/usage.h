/* What an account has used: counters for each calendar window (UTC). Pure; any thread. */
#ifndef SENDOFF_BASE_USAGE_H
#define SENDOFF_BASE_USAGE_H

#include "base/clock.h"

struct usage_window {
  int64_t start_us; /* the window the counters belong to; counters of an older window count as zero */
  uint64_t messages, recipients, octets;
};

struct usage {
  struct usage_window window[WINDOW_COUNT];
  uint64_t total_messages, total_recipients, total_octets; /* since the account was made */
  int64_t smooth_next_us;                                  /* the earliest moment the next smoothed message may leave */
};

/* Brings every window to the one that contains now, zeroing those that ended. A window that begins where now's ends is
 * kept as it is (see usage.c). */
void usage_roll(struct usage *u, int64_t now_us);
/* Adds one message to every window and the totals (rolls first). */
void usage_add(struct usage *u, int64_t now_us, uint64_t recipients, uint64_t octets);

#endif

/* What somebody has used: counters for each window, whether or not a limit is set for it, so that a limit that is set
 * later knows what was used before. Pure; any thread. */
#ifndef SENDOFF_BASE_USAGE_H
#define SENDOFF_BASE_USAGE_H

#include "base/usage/calendar.h"
#include "base/usage/rolling.h"

#define USAGE_ROLLING (WINDOW_HOUR + 1)               /* second, minute, hour */
#define USAGE_CALENDAR (WINDOW_COUNT - USAGE_ROLLING) /* day, month */

struct usage {
  struct tally total;     /* since the owner was made */
  int64_t smooth_next_us; /* the earliest moment the next smoothed message may leave */
  int64_t zone;           /* time_zone_id: by which the calendar's windows end */
  uint64_t warned;        /* base/usage/usage_warning.h's */
  int64_t hour_warned_us; /* since when it counts for the hour */
  struct calendar_window calendar[USAGE_CALENDAR];
  struct rolling rolling[USAGE_ROLLING]; /* last, for usage_pack */
};

static inline bool window_rolls(enum window w) {
  return w < USAGE_ROLLING;
}
int64_t window_length_us(enum window w); /* of one that rolls; of the others roughly: a month has 30 days */

/* Brings every window to now. */
void usage_roll(struct usage *u, int64_t now_us, const struct time_zone *zone);
/* Adds one message to every window and the totals (rolls first). */
void usage_add(struct usage *u, int64_t now_us, const struct time_zone *zone, uint64_t recipients, uint64_t octets);
/* What is used in that window, which must be rolled. */
const struct tally *usage_used(const struct usage *u, enum window w);
/* The earliest moment at which no more than `keep` of that unit counts in that window; 0: it is so already. */
int64_t usage_until(const struct usage *u, enum window w, enum limit_unit unit, uint64_t keep);

/* The same in no more octets than it needs: of an owner that sends seldom, a tenth. */
#define USAGE_PACKED_MAX sizeof(struct usage)
size_t usage_pack(const struct usage *u, unsigned char out[USAGE_PACKED_MAX]); /* returns how many */
void usage_unpack(const unsigned char *packed, struct usage *out);

#endif

/* Warnings before a limit says no: once at 80 and once at 95 % of a window of an hour or more. Which ones were given is
 * kept with the usage. Pure; any thread. */
#ifndef SENDOFF_BASE_USAGE_WARNING_H
#define SENDOFF_BASE_USAGE_WARNING_H

#include "base/usage/usage.h"

struct usage_warning {
  const struct limit *limit;
  unsigned percent; /* 80 or 95 */
  uint64_t used;    /* in the limit's unit */
  int64_t free_us;  /* when nothing of that counts any more */
};

/* The warnings that are due now, after a message was added; at most `max` of them, the others are due with the next
 * message. Each is given once: in a day or month, and in an hour since the first. A limit that was raised is one to
 * warn of again. Of several limits for the same window and unit, the lowest counts; a smoothed one never warns. */
size_t usage_warn(struct usage *u, const struct limit *limits, size_t count, int64_t now_us, struct usage_warning *out,
                  size_t max);
void usage_warning_rearm(struct usage *u, enum window w); /* usage_roll's: a window began anew */

#endif

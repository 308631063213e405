/* How long a turn takes of late: from one job that leaves a queue to the next, while there are more. Plain data; the
 * clock is passed in, and does not jump. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_TURN_TIME_H
#define SENDOFF_RELAY_DELIVERY_SITE_TURN_TIME_H

#include <stddef.h>
#include <stdint.h>

struct turn_time { /* zeroed: nothing is known */
  int64_t mean_us; /* of the last dozen or so, the latest counting most */
  int64_t last_us; /* when the last one left, and left others; 0: it left none */
};

/* One has left; `more` are left. */
void turn_time_note(struct turn_time *t, int64_t now_us, size_t more);
/* How long it takes, most likely, until one leaves that has `ahead` before it; what has stood still for longer than a
 * turn goes on as slowly. 0: not known yet. */
int64_t turn_time_expect(const struct turn_time *t, int64_t now_us, size_t ahead);

#endif

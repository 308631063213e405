/* How long something takes, of late: a small histogram on a scale of steps (10, 20, 50 ms ... 5 days), where what is
 * older counts less. Plain data of counters only; any thread. */
#ifndef SENDOFF_BASE_LEARNT_TIMES_H
#define SENDOFF_BASE_LEARNT_TIMES_H

#include <stddef.h>
#include <stdint.h>

#define LEARNT_TIMES 28       /* 27 steps, and what is above the last */
#define LEARNT_TIMES_MOST 128 /* counted in all; then all counters are halved */

struct learnt_times {
  uint16_t count[LEARNT_TIMES]; /* up to that step, and above the one before */
};

void learnt_times_add(struct learnt_times *t, int64_t span_us);
unsigned learnt_times_total(const struct learnt_times *t);
/* Within which `percent` of them were, rounded up to a step; of what is above the last, the last. 0: none is known. */
int64_t learnt_times_within(const struct learnt_times *t, unsigned percent);

/* For all counters of a kind: halves each. */
void learnt_halve(uint16_t *counters, size_t count);

#endif

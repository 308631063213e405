#include "base/site/learnt_times.h"

#include "base/clock.h"

#define MS INT64_C(1000)
#define MINUTE (60 * SECOND_US)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static const int64_t steps[LEARNT_TIMES - 1] = {
    10 * MS,       20 * MS,        50 * MS,        100 * MS,       200 * MS, 500 * MS,   SECOND_US,  2 * SECOND_US,
    5 * SECOND_US, 10 * SECOND_US, 20 * SECOND_US, 30 * SECOND_US, MINUTE,   2 * MINUTE, 5 * MINUTE, 10 * MINUTE,
    20 * MINUTE,   30 * MINUTE,    HOUR,           2 * HOUR,       4 * HOUR, 8 * HOUR,   12 * HOUR,  DAY,
    2 * DAY,       3 * DAY,        5 * DAY};

void learnt_halve(uint16_t *counters, size_t count) {
  for (size_t i = 0; i < count; i++) counters[i] /= 2;
}

void learnt_times_add(struct learnt_times *t, int64_t span_us) {
  size_t i = 0;
  while (i < LEARNT_TIMES - 1 && span_us > steps[i]) i++;
  if (learnt_times_total(t) >= LEARNT_TIMES_MOST) learnt_halve(t->count, LEARNT_TIMES);
  t->count[i]++;
}

unsigned learnt_times_total(const struct learnt_times *t) {
  unsigned total = 0;
  for (size_t i = 0; i < LEARNT_TIMES; i++) total += t->count[i];
  return total;
}

int64_t learnt_times_within(const struct learnt_times *t, unsigned percent) {
  unsigned total = learnt_times_total(t), sum = 0;
  for (size_t i = 0; i < LEARNT_TIMES && total; i++) {
    sum += t->count[i];
    if (sum * 100 >= total * percent) return steps[i < LEARNT_TIMES - 1 ? i : LEARNT_TIMES - 2];
  }
  return 0;
}

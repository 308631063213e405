#include "relay/submission/input_deadline.h"

void input_deadline_begin(struct input_deadline *d, uint64_t span_ms, unsigned rate, uint64_t now) {
  *d = (struct input_deadline){.span_us = span_ms * 1000,
                               .left_us = span_ms * 1000,
                               .since_ms = now,
                               .silent_ms = now,
                               .rate = rate,
                               .running = true};
}

/* Takes what has passed off the rest. */
static void settle(struct input_deadline *d, uint64_t now) {
  uint64_t passed = d->running ? (now - d->since_ms) * 1000 : 0;
  d->left_us = passed < d->left_us ? d->left_us - passed : 0;
  d->since_ms = now;
}

void input_deadline_stop(struct input_deadline *d, uint64_t now) {
  settle(d, now);
  d->running = false;
}

void input_deadline_run(struct input_deadline *d, uint64_t now) {
  settle(d, now);
  if (!d->running) d->silent_ms = now;
  d->running = true;
}

void input_deadline_feed(struct input_deadline *d, size_t octets, uint64_t now) {
  settle(d, now);
  d->silent_ms = now;
  uint64_t lacks = d->span_us - d->left_us;
  /* Compared by division: many octets at a low rate would not fit. */
  if (!d->rate || octets / d->rate >= lacks / 1000000 + 1)
    d->left_us = d->span_us;
  else {
    uint64_t earned = (uint64_t)octets * 1000000 / d->rate;
    d->left_us += earned < lacks ? earned : lacks;
  }
}

uint64_t input_deadline_left(const struct input_deadline *d, uint64_t now) {
  struct input_deadline copy = *d;
  settle(&copy, now);
  return (copy.left_us + 999) / 1000;
}

bool input_deadline_was_silence(const struct input_deadline *d, uint64_t now) {
  return (now - d->silent_ms) * 1000 >= d->span_us / 2;
}

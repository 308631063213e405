#include "relay/submission/patience.h"

void patience_begin(struct patience *p, uint64_t span_ms, unsigned rate, uint64_t now) {
  *p = (struct patience){.span_us = span_ms * 1000,
                         .left_us = span_ms * 1000,
                         .since_ms = now,
                         .silent_ms = now,
                         .rate = rate,
                         .running = true};
}

/* Takes what has passed off the rest. */
static void settle(struct patience *p, uint64_t now) {
  uint64_t passed = p->running ? (now - p->since_ms) * 1000 : 0;
  p->left_us = passed < p->left_us ? p->left_us - passed : 0;
  p->since_ms = now;
}

void patience_stop(struct patience *p, uint64_t now) {
  settle(p, now);
  p->running = false;
}

void patience_run(struct patience *p, uint64_t now) {
  settle(p, now);
  if (!p->running) p->silent_ms = now;
  p->running = true;
}

void patience_feed(struct patience *p, size_t octets, uint64_t now) {
  settle(p, now);
  p->silent_ms = now;
  uint64_t lacks = p->span_us - p->left_us;
  /* Compared by division: many octets at a low rate would not fit. */
  if (!p->rate || octets / p->rate >= lacks / 1000000 + 1)
    p->left_us = p->span_us;
  else {
    uint64_t earned = (uint64_t)octets * 1000000 / p->rate;
    p->left_us += earned < lacks ? earned : lacks;
  }
}

uint64_t patience_left(const struct patience *p, uint64_t now) {
  struct patience copy = *p;
  settle(&copy, now);
  return (copy.left_us + 999) / 1000;
}

bool patience_was_silence(const struct patience *p, uint64_t now) {
  return (now - p->silent_ms) * 1000 >= p->span_us / 2;
}

/* How long a client may still take for what it is at: a command line, or a message's content. Our own time (a password,
 * the disk, the store) is not counted: the clock stands still meanwhile. Pure; times are monotonic milliseconds, read
 * by the caller.
 *
 * A command line has one span for the whole of it, which single octets do not prolong (RFC 5321 4.5.3.2.7: five minutes
 * at least). Content has a span that every octet prolongs by what an octet takes at the least rate, never beyond the
 * whole span: silence ends it after the span, and a trickle soon after (4.5.3.2.5). */
#ifndef SENDOFF_RELAY_SUBMISSION_INPUT_DEADLINE_H
#define SENDOFF_RELAY_SUBMISSION_INPUT_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input_deadline {
  uint64_t span_us, left_us;
  uint64_t since_ms;  /* left_us is of then; of no meaning while it stands still */
  uint64_t silent_ms; /* since when nothing came */
  unsigned rate;
  bool running;
};

/* Begins, running. `rate`: octets a second; 0: any octet gives the whole span back. */
void input_deadline_begin(struct input_deadline *d, uint64_t span_ms, unsigned rate, uint64_t now);
void input_deadline_stop(struct input_deadline *d, uint64_t now);
void input_deadline_run(struct input_deadline *d, uint64_t now);
/* So many octets of content came. */
void input_deadline_feed(struct input_deadline *d, size_t octets, uint64_t now);
/* Milliseconds, rounded up; 0: it is over. */
uint64_t input_deadline_left(const struct input_deadline *d, uint64_t now);
/* When it is over: nothing came for most of the span, which is silence; else what came was too little. */
bool input_deadline_was_silence(const struct input_deadline *d, uint64_t now);

#endif

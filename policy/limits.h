/* Do an account's limits admit one more message? Pure arithmetic on usage; any thread. */
#ifndef SENDOFF_POLICY_LIMITS_H
#define SENDOFF_POLICY_LIMITS_H

#include "base/limit.h"
#include "base/usage.h"

#include <stdbool.h>
#include <stddef.h>

struct limit_verdict {
  int result;               /* OK or E_LIMIT */
  const struct limit *rule; /* the limit that says no, or that smooths */
  uint64_t used, asked;     /* in the rule's unit */
  int64_t resets_us;        /* when the window ends; 0 for per-message limits (never) */
  int64_t not_before_us;    /* OK and smoothed: when the message may leave; otherwise 0 */
};

/* `u` must be rolled to now_us. A message with `recipients` and `octets` on top of it. When several limits say no, the
 * one that resets last is named. A smooth limit gives each message the next free slot, window/count apart, and says no
 * only when that slot is more than a day away. When OK and smoothed, `u->smooth_next_us` is moved if `reserve`. */
struct limit_verdict limits_check(const struct limit *limits, size_t count, struct usage *u, int64_t now_us,
                                  uint64_t recipients, uint64_t octets, bool reserve);

/* How much the limits leave at once: messages in a row, recipients in one of them. Only ever lowers what `out` holds.
 * What is smoothed is left out: it is never refused for this. */
struct limits_left {
  uint64_t messages, recipients;
};
void limits_left(const struct limit *limits, size_t count, const struct usage *u, struct limits_left *out);

/* "blog: 5000 of 5000 messages today; resets 2026-11-23 00:00 UTC (in 3h12m)". */
void limit_sentence(const struct limit_verdict *v, const char *account, int64_t now_us, char *out, size_t size);

#endif

/* Do limits let one more message in? Arithmetic on usage; pure; any thread. */
#ifndef SENDOFF_BASE_LIMITS_H
#define SENDOFF_BASE_LIMITS_H

#include "base/text/limit.h"
#include "base/usage/usage.h"
#include "base/usage/usage_scope.h"

#include <stdbool.h>
#include <stddef.h>

struct limit_verdict {
  int result;                      /* OK or E_LIMIT */
  const struct limit *rule;        /* the limit that says no, or that smooths */
  const struct usage_scope *scope; /* whose limit it is; NULL: of one that limits_check was not told */
  uint64_t used, asked;            /* in the rule's unit */
  /* When such a message is possible next: the end of a day or month; when enough has left a window that rolls; 0 for
   * per-message limits (never). A message that is over the limit by itself is told when the window is empty. */
  int64_t resets_us;
  int64_t not_before_us; /* OK and smoothed: when the message may leave; otherwise 0 */
};

/* What one more message would add. */
struct limit_request {
  uint64_t recipients, octets;
};

/* May a message come in on top of `u`, which must be rolled to now_us? When several limits say no, the one that resets
 * last is named. A smooth limit gives each message the next free slot, window/count apart, and says no only when that
 * slot is more than a day away. */
struct limit_verdict limits_check(const struct limit *limits, size_t count, const struct usage *u, int64_t now_us,
                                  const struct limit_request *request);
/* The same of several owners at once: usage[n] is that of scopes[n]. What is refused by one is refused; of several, as
 * above; of several that smooth, the latest time counts. */
struct limit_verdict limits_check_scopes(const struct usage_scope *scopes, struct usage *const *usage, size_t count,
                                         int64_t now_us, const struct limit_request *request);
/* The next free slot of a smoothed limit: now, or later. */
int64_t limit_slot(const struct limit *l, const struct usage *u, int64_t now_us);
/* Takes the slot that a smoothed limit among these gives: later messages get the next one. Without one, nothing. Only
 * once every owner's limits have let the message in. */
void limits_reserve(const struct limit *limits, size_t count, struct usage *u, int64_t now_us);

/* How much the limits leave at once: messages in a row, recipients in one of them. Only ever lowers what `out` holds.
 * What is smoothed is left out: it is never refused for this. */
struct limits_left {
  uint64_t messages, recipients;
};
void limits_left(const struct limit *limits, size_t count, const struct usage *u, struct limits_left *out);
/* What of the limit's unit is used in its window. 0 for a limit per message. */
uint64_t limit_used(const struct limit *l, const struct usage *u);

#endif

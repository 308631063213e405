/* Mail that waits for a domain's policy, and the answer that it gets. */
#include "relay/delivery/route/sts_domain.h"

#include <stdlib.h>
#include <utlist.h>

#define TTL_WHILE_FETCHING 10 /* seconds */

bool sts_must_wait(const struct sts_domain *d, int64_t now_us) {
  if (sts_state_policy(&d->state, now_us)) return false;
  return d->asking || (d->fetching && sts_state_waits(&d->state, now_us));
}

struct sts_finding sts_finding_of(const struct sts_domain *d, int64_t now_us) {
  uint32_t ttl = sts_state_ttl(&d->state, now_us);
  if (d->fetching && ttl > TTL_WHILE_FETCHING) ttl = TTL_WHILE_FETCHING;
  return (struct sts_finding){.policy = sts_state_policy(&d->state, now_us), .failure = d->state.failure, .ttl = ttl};
}

void sts_answer(struct sts_domain *d) {
  struct sts_waiter *w, *list = d->waiters;
  if (!list) return;
  struct sts_finding found = sts_finding_of(d, clock_now_us());
  sts_policy_hold(found.policy); /* who is answered may ask for other domains, and this one give way */
  d->waiters = NULL;
  d->owner->waiting--;
  while ((w = list)) {
    LL_DELETE(list, w);
    w->done(w->arg, &found);
    free(w);
  }
  sts_policy_release(&found.policy);
}

bool sts_add_waiter(struct sts_domain *d, void (*done)(void *arg, const struct sts_finding *found), void *arg) {
  struct sts_waiter *w = calloc(1, sizeof *w);
  if (!w) return false;
  w->done = done;
  w->arg = arg;
  if (!d->waiters) {
    d->owner->waiting++;
    d->waiting_ms = clock_monotonic_ms();
  }
  LL_APPEND(d->waiters, w);
  return true;
}

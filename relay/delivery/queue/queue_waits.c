/* What of the queue is due and not under way, for people who ask. */
#include "relay/delivery/queue/dispatcher.h"

#include "base/clock.h"
#include "relay/delivery/delivery.h"

/* Why none of it is under way; taken from what `collect` and `put_off` go by. */
static enum delivery_wait why_of(const struct queue_lane *lane, int64_t now_us, int64_t *until_us) {
  if (lane->reading) return DELIVERY_WAITS_READ;
  if (lane->domain->paused_us > now_us) {
    *until_us = lane->domain->paused_us;
    return DELIVERY_WAITS_PAUSE;
  }
  if (lane->more) return DELIVERY_WAITS_ROOM;
  if (lane->due_us > now_us) *until_us = lane->due_us;
  return DELIVERY_WAITS_READ;
}

void delivery_lanes(const struct loop *on, void (*each)(void *arg, const struct delivery_lane *l), void *arg) {
  const struct dispatcher *d = on->index == 0 ? on->gateway->dispatcher : NULL;
  int64_t now = clock_now_us();
  for (const struct queue_domain *domain = d ? d->schedule.domains : NULL; domain; domain = domain->hh.next)
    for (const struct queue_lane *lane = domain->lanes; lane; lane = lane->hh.next) {
      struct delivery_lane l = {.domain = domain->name, .lane = lane->name, .in_flight = lane->owner->in_flight};
      if (lane->due_us == INT64_MAX && !lane->reading && !lane->more) continue; /* all that it has is under way */
      l.why = why_of(lane, now, &l.until_us);
      each(arg, &l);
    }
}

enum delivery_state delivery_state(const struct loop *on) {
  const struct dispatcher *d = on->gateway->dispatcher;
  if (!d || d->draining || !d->started) return DELIVERY_STOPS;
  return d->schedule.overflow ? DELIVERY_OVERFLOWS : DELIVERY_RUNS;
}

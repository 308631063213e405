/* The queue's counters, what of it is under way, and what is due and is not, for people who ask. */
#include "base/clock.h"
#include "relay/delivery/delivery.h"
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/queue/in_flight.h"
#include "relay/delivery/route/blocklist_watch.h"
#include "relay/delivery/route/source_watch.h"
#include "relay/delivery/route/sts_policies.h"
#include "relay/delivery/route/warmup_watch.h"
#include "relay/delivery/site/delivery.h"

/* Why none of it is under way; taken from what `collect` and `put_off` of reader.c go by. */
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

static size_t count_failed_tokens(const struct directory *d) {
  size_t n = 0;
  for (size_t i = 0; i < d->route_count; i++) n += *d->routes[i].oauth2.failure != '\0';
  return n;
}

void delivery_count(const struct loop *on, struct delivery_counters *to) {
  const struct dispatcher *d = on->index == 0 ? on->gateway->dispatcher : NULL;
  delivery_count_sites(on->delivery, to);
  if (!d) return;
  to->in_flight += d->schedule.in_flight;
  to->sites_unreachable += d->outages.count;
  to->sources_away += source_watch_away(d->watches.sources);
  blocklist_watch_count(d->watches.blocklists, &to->sources_listed, &to->blocklists_failing);
  to->warmups_held += warmup_watch_held(d->watches.warmups);
  to->tokens_failed += count_failed_tokens(on->directory);
  if (d->watches.policies) sts_policies_count(d->watches.policies, &to->sts_policies, &to->sts_fetches_failed);
  to->domains_waiting += HASH_COUNT(d->schedule.domains);
  to->queue_direct += d->handed_over;
  to->queue_read += d->read;
  to->queue_left += d->left;
}

void delivery_attempts(const struct loop *on, void (*each)(void *arg, const struct delivery_attempt *a), void *arg) {
  const struct dispatcher *d = on->index == 0 ? on->gateway->dispatcher : NULL;
  const struct in_flight *f = d ? d->schedule.recipients_in_flight : NULL;
  delivery_attempts_at_sites(on->delivery, each, arg);
  for (; f; f = f->hh.next) {
    struct delivery_attempt a = {.recipient_id = f->id, .since_us = f->since_us, .stage = "route"};
    if (f->ended) continue;
    a.host = f->lane->domain->name;
    each(arg, &a);
  }
  if (d) probe_each_wait(d, each, arg);
}

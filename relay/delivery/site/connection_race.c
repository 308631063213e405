/* Two addresses at once, where the first is slow to connect (RFC 8305 5). One of the two is closed as soon as the other
 * is up, and both count as the one connection for the pace of the site; what the loop may have open they do not
 * exceed. */
#include "relay/delivery/site/connection_parts.h"

#include "base/clock.h"

#include <stdio.h>
#include <utlist.h>

static void arm(struct delivery *d);

static bool is_connecting(const struct connection *c) {
  return c->phase == CONNECTION_WALKING && c->client && client_stage(c->client) == STAGE_CONNECT;
}

static bool may_race(const struct connection *c) {
  const struct delivery *d = connection_delivery(c);
  return is_connecting(c) && !c->rival && !d->stopping && c->destination->queue.count && !d->shares.waiting &&
         d->calls < d->shares.most && c->tried.count + 1 < TRIED_MAX;
}

void race_open(struct connection *c) {
  size_t at;
  while (may_race(c) && connection_next_place(c, &at) &&
         address_order_may_race(c->route, &c->place, &c->order.at[at])) {
    c->next_place = at + 1;
    int rc = connection_call(c, at, &c->rival);
    if (rc != OK) connection_note_failure(c, at);
    snprintf(c->target, sizeof c->target, "%s", c->call->target);
  }
}

static void on_time(uv_timer_t *timer) {
  struct delivery *d = timer->data;
  uint64_t now = clock_monotonic_ms();
  struct connection *c;
  while ((c = d->racing) && c->race_ms <= now) {
    race_end(c);
    race_open(c);
  }
  arm(d);
}

/* The delay is the same for all, so the first of the list is the next. */
static void arm(struct delivery *d) {
  if (!d->racing || d->stopping || (d->race_timer_open && uv_is_active((uv_handle_t *)&d->race_timer))) return;
  if (!d->race_timer_open) {
    uv_timer_init(&d->loop->uv, &d->race_timer);
    d->race_timer.data = d;
    d->race_timer_open = true;
  }
  uint64_t now = clock_monotonic_ms();
  uv_update_time(&d->loop->uv);
  uv_timer_start(&d->race_timer, on_time, d->racing->race_ms > now ? d->racing->race_ms - now : 0, 0);
}

void race_begin(struct connection *c) {
  struct delivery *d = connection_delivery(c);
  race_end(c);
  c->race_ms = clock_monotonic_ms() + RACE_DELAY_MS;
  DL_APPEND2(d->racing, c, race_prev, race_next);
  arm(d);
}

void race_end(struct connection *c) {
  if (!c->race_ms) return;
  DL_DELETE2(connection_delivery(c)->racing, c, race_prev, race_next);
  c->race_ms = 0;
}

void races_stop(struct delivery *d) {
  if (d->race_timer_open) uv_close((uv_handle_t *)&d->race_timer, NULL);
  d->race_timer_open = false;
}

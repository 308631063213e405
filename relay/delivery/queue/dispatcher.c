/* The dispatcher's life, and its turns: it reads the queue when something is due. */
#include "relay/delivery/queue/dispatcher.h"

#include "relay/delivery/route/router.h"
#include "relay/delivery/site/delivery.h"

#include <stddef.h>
#include <stdlib.h>

#define TICK_MS 1000                  /* polls for changes by command */
#define LIST_EVERY_MS (5 * 60 * 1000) /* all lanes, so that nothing can be stuck for longer than this */
#define LIST_OVERFLOW_MS (60 * 1000)  /* the same, while there are more lanes than SCHEDULE_LANES_MAX */

void dispatch_soon(struct dispatcher *d) {
  loop_defer(d->loop, &d->turn);
}

void dispatcher_forget(struct dispatcher *d) {
  if (--d->pending) return;
  picker_free(&d->picker);
  schedule_free(&d->schedule);
  outages_free(&d->outages);
  free(d);
}

static void on_tick(uv_timer_t *timer) {
  struct dispatcher *d = timer->data;
  uint64_t age = uv_now(&d->loop->uv) - d->listed_ms;
  if (age >= LIST_EVERY_MS || !d->listed_ms || (d->schedule.overflow && age >= LIST_OVERFLOW_MS)) {
    d->list_wanted = true;
    d->listed_ms = uv_now(&d->loop->uv);
  }
  d->poll_wanted = true;
  returns_tick(d);
  play_tick(d);
  watches_tick(&d->watches, delivery_secrets(d->loop->delivery));
  reader_poll(d);
}

static void on_turn(struct deferred *turn) {
  struct dispatcher *d = (struct dispatcher *)((char *)turn - offsetof(struct dispatcher, turn));
  reader_poll(d);
  if (!d->draining || d->schedule.in_flight || picker_busy(d->picker) || d->clock.busy || !d->idle) return;
  if (!watches_end(&d->watches)) return;
  void (*idle)(void *arg) = d->idle;
  d->idle = NULL;
  idle(d->idle_arg);
}

/* --- life --- */

static void on_part_idle(void *arg) {
  dispatch_soon(arg);
}

static void on_released(void *arg) {
  struct dispatcher *d = arg;
  d->list_wanted = true;
  dispatch_soon(d);
}

int dispatcher_new(struct gateway *g, struct dispatcher **out, struct reason *why) {
  struct dispatcher *d = *out = calloc(1, sizeof *d);
  if (!d) return fail(why, E_MEMORY, "out of memory");
  d->gateway = g;
  d->loop = g->loops[0];
  d->turn.run = on_turn;
  d->generation = -1;
  schedule_init(&d->schedule);
  int rc = picker_new(&d->loop->uv, g->config->data_dir, &d->picker, why);
  const struct watches_owner owner = {on_part_idle, on_released, dispatcher_source_gone, d};
  if (rc == OK) rc = watches_init(&d->watches, g, &owner, why);
  if (rc == OK && router_new(g, g->resolver, d->watches.policies, &d->router) != OK)
    rc = fail(why, E_MEMORY, "out of memory");
  if (rc != OK) {
    picker_free(&d->picker);
    watches_free(&d->watches);
    free(d);
    *out = NULL;
    return rc;
  }
  uv_timer_init(&d->loop->uv, &d->wake);
  uv_timer_init(&d->loop->uv, &d->tick);
  d->wake.data = d->tick.data = d;
  return OK;
}

void dispatcher_start(struct dispatcher *d) {
  if (d->draining) return;
  d->started = true;
  d->started_us = clock_now_us();
  d->clock.seen = clock_jumps_us();
  d->list_wanted = true;
  returns_want(d);
  d->listed_ms = uv_now(&d->loop->uv);
  watches_tick(&d->watches, delivery_secrets(d->loop->delivery));
  uv_timer_start(&d->tick, on_tick, TICK_MS, TICK_MS);
  dispatch_soon(d);
}

void dispatcher_drain(struct dispatcher *d, void (*idle)(void *arg), void *arg) {
  d->draining = true;
  d->idle = idle;
  d->idle_arg = arg;
  watches_stop(&d->watches);
  uv_timer_stop(&d->wake);
  uv_timer_stop(&d->tick);
  play_stop(d);
  dispatch_soon(d);
}

static void on_handle_closed(uv_handle_t *handle) {
  dispatcher_forget(handle->data);
}

void dispatcher_free(struct dispatcher **dispatcher) {
  struct dispatcher *d = *dispatcher;
  if (!d) return;
  *dispatcher = NULL; /* so that what is still under way finds nobody */
  d->freed = d->draining = true;
  d->pending = picker_busy(d->picker) ? 3 : 2;
  loop_defer_cancel(d->loop, &d->turn);
  play_stop(d);
  router_free(&d->router);
  watches_free(&d->watches);
  uv_close((uv_handle_t *)&d->wake, on_handle_closed);
  uv_close((uv_handle_t *)&d->tick, on_handle_closed);
}

#include "relay/net/loop.h"

#include "base/log.h"

#include <string.h>

static _Thread_local struct loop *current;

static void run_mailbox(struct loop *l) {
  uv_mutex_lock(&l->mailbox_lock);
  struct loop_message *m = l->mailbox_head;
  l->mailbox_head = NULL;
  l->mailbox_tail = &l->mailbox_head;
  uv_mutex_unlock(&l->mailbox_lock);
  while (m) {
    struct loop_message *next = m->next;
    m->run(l, m);
    m = next;
  }
}

static void on_wake(uv_async_t *async) {
  struct loop *l = async->data;
  run_mailbox(l);
  if (l->port) store_port_drain(l->port);
}

static void wake_from_store(void *arg) {
  struct loop *l = arg;
  uv_async_send(&l->wake);
}

static void on_idle(uv_idle_t *idle) {
  struct loop *l = idle->data;
  /* Only what is queued now: work that queues itself again waits for the next turn, so sockets are served in between.
   */
  struct deferred *last = NULL;
  for (struct deferred *d = l->deferred; d; d = d->next) last = d;
  while (l->deferred) {
    struct deferred *d = l->deferred;
    bool end = d == last;
    loop_defer_cancel(l, d);
    d->run(d);
    if (end) break;
  }
  if (!l->deferred) uv_idle_stop(idle);
}

int loop_init(struct loop *l, struct gateway *g, size_t index, struct reason *why) {
  memset(l, 0, sizeof *l);
  l->gateway = g;
  l->index = index;
  l->mailbox_tail = &l->mailbox_head;
  l->deferred_tail = &l->deferred;
  if (uv_loop_init(&l->uv) != 0) return fail(why, E_IO, "cannot make an event loop");
  if (uv_mutex_init(&l->mailbox_lock) != 0) return fail(why, E_IO, "cannot make a lock");
  if (uv_async_init(&l->uv, &l->wake, on_wake) != 0 || uv_idle_init(&l->uv, &l->idle) != 0)
    return fail(why, E_IO, "cannot make the loop's handles");
  l->uv.data = l->wake.data = l->idle.data = l;
  if (g->store && store_port_new(g->store, wake_from_store, l, &l->port) != OK)
    return fail(why, E_MEMORY, "cannot make the loop's store port");
  return OK;
}

void loop_run(struct loop *l) {
  current = l;
  uv_run(&l->uv, UV_RUN_DEFAULT);
  current = NULL;
}

void loop_finish(struct loop *l) {
  run_mailbox(l);
  if (l->port) store_port_drain(l->port);
  uv_close((uv_handle_t *)&l->wake, NULL);
  uv_close((uv_handle_t *)&l->idle, NULL);
}

void loop_free(struct loop *l) {
  if (uv_loop_close(&l->uv) != 0) log_event(LOG_ERROR_, NULL, "loop closed with open handles", NULL);
  run_mailbox(l); /* what was posted after the end still owns memory */
  if (l->port) store_port_free(&l->port);
  directory_release(&l->directory);
  uv_mutex_destroy(&l->mailbox_lock);
}

void loop_post(struct loop *to, struct loop_message *m) {
  m->next = NULL;
  uv_mutex_lock(&to->mailbox_lock);
  *to->mailbox_tail = m;
  to->mailbox_tail = &m->next;
  uv_mutex_unlock(&to->mailbox_lock);
  uv_async_send(&to->wake);
}

void loop_store_post(struct loop *on, struct store_op *op, void (*done)(struct store_op *op)) {
  op->port = on->port;
  op->done = done;
  store_post(on->gateway->store, op);
}

struct loop *loop_current(void) {
  return current;
}

void loop_defer(struct loop *l, struct deferred *d) {
  if (d->at) return;
  d->next = NULL;
  d->at = l->deferred_tail;
  *l->deferred_tail = d;
  l->deferred_tail = &d->next;
  uv_idle_start(&l->idle, on_idle);
}

void loop_defer_cancel(struct loop *l, struct deferred *d) {
  if (!d->at) return;
  *d->at = d->next;
  if (d->next)
    d->next->at = d->at;
  else
    l->deferred_tail = d->at;
  d->next = NULL;
  d->at = NULL;
}

#include "relay/daemon/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/delivery.h"
#include "relay/domain/domain_watch.h"
#include "relay/domain/key_watch.h"
#include "relay/message/conversion.h"
#include "relay/message/signing.h"
#include "relay/net/resolver.h"
#include "relay/submission/submission.h"
#include "relay/tls_report/tls_reporter.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#define TICK_MS 1000
#define DRAIN_TICK_MS 50
#define DRAIN_TIMEOUT_TICKS (15000 / DRAIN_TICK_MS)

struct worker {
  struct loop loop;
  uv_timer_t tick, drain;
  unsigned drain_ticks;
  struct listener_set *listeners;
  struct tls_reporter *reports;  /* of loops[0], */
  struct key_watch *keys;        /* these, */
  struct domain_watch *domains;  /* and this */
  struct broadcast_token *token; /* of the step under way */
  unsigned stopping;             /* parts that have yet to report that they have stopped */
  bool started;
};

static int make_parts(struct loop *l, const struct shared_state *with, struct reason *why) {
  int rc = signing_new(with->keys, &l->signing, why);
  if (rc != OK) return rc;
  if (submission_new(l, &with->submission, &l->submission) != OK || tls_client_new(&l->tls_client) != OK ||
      converter_new(l, &l->converter) != OK || delivery_new(l, &l->delivery) != OK)
    return fail(why, E_MEMORY, "out of memory");
  delivery_refresh(l->delivery, with->secrets);
  const char *trust = l->gateway->config->trust;
  return trust ? tls_client_trust(l->tls_client, trust, why) : OK;
}

static int make_shared(struct worker *w, struct reason *why) {
  const struct dns_source dns = {w->loop.gateway->resolver, resolver_lookup, resolver_release};
  int rc = tls_reporter_new(&w->loop, &dns, &w->reports, why);
  if (rc == OK) rc = key_watch_new(&w->loop, &dns, &w->keys, why);
  return rc == OK ? domain_watch_new(&w->loop, &dns, &w->domains, why) : rc;
}

int worker_new(struct gateway *g, size_t index, const struct shared_state *with, struct worker **out,
               struct reason *why) {
  struct worker *w = *out = calloc(1, sizeof *w);
  if (!w) return fail(why, E_MEMORY, "out of memory");
  int rc = loop_init(&w->loop, g, index, why);
  if (rc != OK) {
    free(w);
    *out = NULL;
    return rc;
  }
  w->loop.directory = directory_hold(with->directory);
  w->loop.tls = tls_server_hold(with->tls);
  rc = make_parts(&w->loop, with, why);
  return rc == OK && index == 0 ? make_shared(w, why) : rc;
}

struct loop *worker_loop(struct worker *w) {
  return &w->loop;
}

static void on_tick(uv_timer_t *timer) {
  struct worker *w = timer->data;
  submission_tick(w->loop.submission);
  delivery_tick(w->loop.delivery);
  if (w->reports) tls_reporter_tick(w->reports);
  if (w->keys) key_watch_tick(w->keys, clock_now_us());
  if (w->domains) domain_watch_tick(w->domains, clock_now_us());
}

static void start_timers(struct worker *w) {
  uv_timer_init(&w->loop.uv, &w->tick);
  uv_timer_init(&w->loop.uv, &w->drain);
  w->tick.data = w->drain.data = w;
  uv_timer_start(&w->tick, on_tick, TICK_MS, TICK_MS);
}

/* What the gateway has once lives on loops[0]. */
static void start_shared(struct loop *l) {
  if (resolver_attach(l->gateway->resolver, &l->uv) != OK)
    log_event(LOG_ERROR_, NULL, "the resolver cannot be attached", NULL);
  dispatcher_start(l->gateway->dispatcher);
}

/* The loop's thread, in its first turn. */
static void start(struct worker *w) {
  struct loop *l = &w->loop;
  struct reason why;
  start_timers(w);
  if (l->index == 0) start_shared(l);
  if (listener_start(w->listeners, l, &why) != OK) log_event(LOG_ERROR_, NULL, "listener", "reason", why.text, NULL);
}

struct start_message {
  struct loop_message message;
  struct worker *worker;
};

static void on_start(struct loop *on, struct loop_message *m) {
  (void)on;
  start(((struct start_message *)m)->worker);
  free(m);
}

static void run_thread(void *arg) {
  struct worker *w = arg;
  char name[16];
  snprintf(name, sizeof name, "loop-%zu", w->loop.index);
  prctl(PR_SET_NAME, name);
  loop_run(&w->loop);
}

int worker_run(struct worker *w, struct listener_set *listeners, struct reason *why) {
  w->listeners = listeners;
  struct start_message *m = calloc(1, sizeof *m);
  if (!m) return fail(why, E_MEMORY, "out of memory");
  m->message.run = on_start;
  m->worker = w;
  loop_post(&w->loop, &m->message);
  if (uv_thread_create(&w->loop.thread, run_thread, w) != 0) return fail(why, E_IO, "cannot start a thread");
  w->started = true;
  return OK;
}

/* --- TLS reports --- */

struct reports_message {
  struct loop_message message;
  struct worker *worker;
  int64_t day;
};

static void on_send_reports(struct loop *on, struct loop_message *m) {
  struct reports_message *r = (struct reports_message *)m;
  (void)on;
  tls_reporter_send(r->worker->reports, r->day);
  free(r);
}

int worker_send_tls_reports(struct worker *w, int64_t day) {
  struct reports_message *r = calloc(1, sizeof *r);
  if (!r) return E_MEMORY;
  r->message.run = on_send_reports;
  r->worker = w;
  r->day = day;
  loop_post(&w->loop, &r->message);
  return OK;
}

/* --- shutdown, step by step --- */

static void on_drain(uv_timer_t *timer) {
  struct worker *w = timer->data;
  if (++w->drain_ticks >= DRAIN_TIMEOUT_TICKS) submission_cut(w->loop.submission);
  if (submission_session_count(w->loop.submission)) return;
  uv_timer_stop(timer);
  broadcast_return(w->token);
}

void worker_drain(struct worker *w, struct broadcast_token *t) {
  w->token = t;
  listener_drain(w->listeners, &w->loop);
  submission_drain(w->loop.submission);
  uv_timer_start(&w->drain, on_drain, 0, DRAIN_TICK_MS);
}

static void part_stopped(void *arg) {
  struct worker *w = arg;
  if (--w->stopping) return;
  submission_tick(w->loop.submission); /* the last refusals, while the store still takes them */
  broadcast_return(w->token);
}

void worker_stop(struct worker *w, struct broadcast_token *t) {
  struct loop *l = &w->loop;
  w->token = t;
  listener_stop(w->listeners, l);
  w->stopping = l->index == 0 ? 3 : 1;
  if (l->index == 0) tls_reporter_stop(w->reports, part_stopped, w);
  if (l->index == 0) key_watch_stop(w->keys);
  if (l->index == 0) domain_watch_stop(w->domains);
  if (l->index == 0) dispatcher_drain(l->gateway->dispatcher, part_stopped, w);
  delivery_stop(l->delivery, part_stopped, w);
}

void worker_finish(struct worker *w, struct broadcast_token *t) {
  struct loop *l = &w->loop;
  uv_close((uv_handle_t *)&w->tick, NULL);
  uv_close((uv_handle_t *)&w->drain, NULL);
  if (l->index == 0) {
    dispatcher_free(&l->gateway->dispatcher);
    key_watch_free(&w->keys);
    domain_watch_free(&w->domains);
    resolver_detach(l->gateway->resolver);
  }
  broadcast_return(t);
  loop_finish(l);
}

void worker_free(struct worker **at) {
  struct worker *w = *at;
  *at = NULL;
  if (!w) return;
  struct loop *l = &w->loop;
  if (w->started) {
    uv_thread_join(&l->thread);
  } else { /* never ran, so its handles are still open */
    loop_finish(l);
    uv_run(&l->uv, UV_RUN_DEFAULT);
  }
  tls_reporter_free(&w->reports);
  key_watch_free(&w->keys);       /* of a loop that never ran, */
  domain_watch_free(&w->domains); /* as this */
  if (l->delivery) delivery_free(&l->delivery);
  submission_free(&l->submission);
  converter_free(&l->converter);
  signing_free(&l->signing);
  tls_client_free(&l->tls_client);
  tls_server_release(&l->tls);
  loop_free(l);
  free(w);
}

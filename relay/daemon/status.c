#include "relay/daemon/status.h"

#include "relay/delivery/queue/dispatch.h"
#include "relay/delivery/site/delivery.h"
#include "relay/net/broadcast.h"
#include "relay/submission/auth/login_bans.h"
#include "relay/submission/submission.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define BANS_SHOWN_MAX 200 /* what a person reads, and the command's buffer holds */

struct status {
  struct loop *supervisor;
  struct login_bans *bans;
  struct control_request *request;
  int64_t started_us;
  struct dispatcher_figures queue;
  struct { /* one each: no loop writes where another does */
    size_t sessions;
    struct delivery_figures delivery;
  } loops[];
};

static void each(struct loop *on, struct broadcast_token *t) {
  struct status *s = broadcast_arg(t);
  s->loops[on->index].sessions = submission_session_count(on->submission);
  delivery_figures(on->delivery, &s->loops[on->index].delivery);
  if (on->index == 0) dispatcher_figures(on->gateway->dispatcher, &s->queue);
  broadcast_return(t);
}

static json_t *number(uint64_t n) {
  return json_integer((json_int_t)n);
}

/* Who may not log in, the first of them. False without memory. */
static bool add_bans(json_t *object, struct login_bans *b) {
  struct ban *bans = calloc(BANS_SHOWN_MAX, sizeof *bans);
  if (!bans) return false;
  size_t count = login_bans_list(b, bans, BANS_SHOWN_MAX);
  json_t *list = json_array();
  for (size_t i = 0; i < count && i < BANS_SHOWN_MAX; i++)
    json_array_append_new(list, json_pack("{s:s, s:I}", bans[i].account ? "account" : "address", bans[i].what,
                                          "seconds_left", (json_int_t)(bans[i].left_ms + 999) / 1000));
  free(bans);
  return json_object_set_new(object, "banned", number(count)) == 0 && json_object_set_new(object, "bans", list) == 0;
}

static json_t *describe(const struct status *s) {
  const struct gateway *g = s->supervisor->gateway;
  struct delivery_figures sum = {0};
  uint64_t sessions = 0;
  for (size_t i = 0; i < g->loop_count; i++) {
    const struct delivery_figures *d = &s->loops[i].delivery;
    sessions += s->loops[i].sessions;
    sum.connections += d->connections;
    sum.idle_connections += d->idle_connections;
    sum.destinations += d->destinations;
    sum.waiting_jobs += d->waiting_jobs;
    sum.delivered += d->delivered;
    sum.deferred += d->deferred;
    sum.bounced += d->bounced;
  }
  struct store_figures store = {0};
  if (g->store) store_figures(g->store, &store);
  return json_pack("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
                   "version", SENDOFF_VERSION, "hostname", g->config->hostname, "pid", (json_int_t)getpid(),
                   "uptime_seconds", (json_int_t)((clock_now_us() - s->started_us) / SECOND_US), "sessions",
                   number(sessions), "connections", number(sum.connections), "idle_connections",
                   number(sum.idle_connections), "destinations", number(sum.destinations), "waiting_jobs",
                   number(sum.waiting_jobs), "in_flight", number(s->queue.in_flight), "domains_waiting",
                   number(s->queue.domains_waiting), "delivered", number(sum.delivered), "deferred",
                   number(sum.deferred), "bounced", number(sum.bounced), "store_operations", number(store.operations),
                   "store_commits", number(store.commits), "store_failed_commits", number(store.failed_commits),
                   "store_waiting", number(store.waiting));
}

static void done(void *arg) {
  struct status *s = arg;
  json_t *object = describe(s);
  if (object && !add_bans(object, s->bans)) {
    json_decref(object);
    object = NULL;
  }
  char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
  control_answer(s->request, text ? text : "error: out of memory");
  free(text);
  json_decref(object);
  free(s);
}

void status_ask(struct loop *supervisor, struct login_bans *bans, int64_t started_us, struct control_request *r) {
  struct status *s = calloc(1, sizeof *s + supervisor->gateway->loop_count * sizeof s->loops[0]);
  if (!s) {
    control_answer(r, "error: out of memory");
    return;
  }
  s->supervisor = supervisor;
  s->bans = bans;
  s->request = r;
  s->started_us = started_us;
  if (broadcast(supervisor, each, done, s) == OK) return;
  control_answer(r, "error: out of memory");
  free(s);
}

#include "relay/daemon/status.h"

#include "relay/daemon/counters.h"
#include "relay/net/broadcast.h"
#include "relay/submission/auth/login_bans.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define BANS_SHOWN_MAX 200 /* what a person reads, and the command's buffer holds */

struct status {
  struct loop *supervisor;
  struct login_bans *bans;
  struct control_request *request;
  int64_t started_us;
  struct counters loops[]; /* one each: no loop writes where another does */
};

static void each(struct loop *on, struct broadcast_token *t) {
  struct status *s = broadcast_arg(t);
  counters_of_loop(on, &s->loops[on->index]);
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

static void add_up(const struct status *s, struct counters *sum) {
  const struct gateway *g = s->supervisor->gateway;
  *sum = (struct counters){0};
  for (size_t i = 0; i < g->loop_count; i++) counters_add(sum, &s->loops[i]);
  if (g->store) store_counters(g->store, &sum->store);
}

/* NULL without memory. */
static json_t *describe(const struct status *s) {
  struct counters sum;
  add_up(s, &sum);
  json_t *object = json_pack("{s:s, s:s, s:I, s:I}", "version", SENDOFF_VERSION, "hostname",
                             s->supervisor->gateway->config->hostname, "pid", (json_int_t)getpid(), "uptime_seconds",
                             (json_int_t)((clock_now_us() - s->started_us) / SECOND_US));
  bool ok = object != NULL;
  for (const struct counter *row = counter_table; ok && row->name; row++)
    ok = json_object_set_new(object, row->name, number(counter_value(row, &sum))) == 0;
  if (ok && add_bans(object, s->bans)) return object;
  json_decref(object);
  return NULL;
}

static void done(void *arg) {
  struct status *s = arg;
  json_t *object = describe(s);
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

/* The dispatcher's life, and its turns: it reads the queue when something is due. */
#include "relay/delivery/queue/dispatcher.h"

#include "base/log.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/queue/in_flight.h"
#include "relay/delivery/route/blocklist_watch.h"
#include "relay/delivery/route/router.h"
#include "relay/delivery/route/source_names.h"
#include "relay/delivery/route/source_success.h"
#include "relay/delivery/route/source_watch.h"
#include "relay/delivery/route/sts_policies.h"
#include "relay/delivery/route/token_renewal.h"
#include "relay/delivery/route/warmup_watch.h"
#include "relay/delivery/site/delivery.h"
#include "relay/delivery/site/site_name.h"
#include "relay/net/local_address.h"
#include "relay/net/resolver.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000                   /* polls for changes by command */
#define LIST_EVERY_MS (5 * 60 * 1000)  /* all lanes, so that nothing can be stuck for longer than this */
#define LIST_OVERFLOW_MS (60 * 1000)   /* the same, while there are more lanes than SCHEDULE_LANES_MAX */
#define PICK_RECIPIENTS 500            /* of one lane at once */
#define PICK_FAILED_US (5 * SECOND_US) /* to the next try, when the store cannot be read */
#define NO_ROOM_US SECOND_US

static void poll_queue(struct dispatcher *d);

void dispatch_soon(struct dispatcher *d) {
  loop_defer(d->loop, &d->turn);
}

/* --- reading the queue --- */

static void forget_memory(struct dispatcher *d) {
  if (--d->pending) return;
  picker_free(&d->picker);
  source_watch_free(&d->sources);
  schedule_free(&d->schedule);
  outages_free(&d->outages);
  free(d);
}

/* The lane was read in its pause, for a deadline: only what is too late is taken out of the queue. */
static bool wait_for_pause(struct dispatcher *d, struct queue_lane *lane, const struct job *j) {
  int64_t now = clock_now_us();
  bool probe = probe_still_awaited(d, lane, j);
  if ((lane->domain->paused_us <= now && !probe) || job_deadline(j) <= now) return false;
  schedule_due(&d->schedule, lane, now); /* which is when the pause ends */
  schedule_deadline(&d->schedule, lane, probe ? outcome_due_at(d->gateway->config, j, now) : job_deadline(j));
  return true;
}

static void take_jobs(struct dispatcher *d, struct queue_lane *lane, struct pick_rows *from) {
  while (from->jobs) {
    struct job *j = from->jobs;
    from->jobs = j->next;
    j->next = NULL;
    if (d->draining || !lane || wait_for_pause(d, lane, j)) {
      job_free(&j);
      continue;
    }
    d->read += j->recipient_count;
    dispatch_start(d, lane, j);
  }
}

static void take_rows(struct dispatcher *d, struct pick_rows *from, int64_t now) {
  struct queue_lane *lane = schedule_find(&d->schedule, from->domain, from->lane);
  take_jobs(d, lane, from);
  if (!lane) return;
  schedule_end_read(&d->schedule, lane);
  if (from->result != OK) {
    log_event(LOG_ERROR_, NULL, "queue not read", "domain", from->domain, "reason", result_text(from->result), NULL);
    schedule_due(&d->schedule, lane, now + PICK_FAILED_US);
  }
  if (from->more) lane->over_us = from->over_us;
  if (from->next_us != INT64_MAX) schedule_due(&d->schedule, lane, from->next_us);
  schedule_deadline(&d->schedule, lane, from->deadline_us);
  if (from->more) schedule_due(&d->schedule, lane, now);
  schedule_tidy(&d->schedule, lane);
}

/* The first list of a start also holds mail that was accepted in the last seconds before it: nothing is in flight, so
 * its grace is over. A list after a command ends pauses: a person has said "now". */
static void take_list(struct dispatcher *d, const struct pick *p, bool by_command) {
  if (by_command) outages_hurry(&d->outages, clock_now_us());
  for (size_t i = 0; i < p->lane_count; i++) {
    struct queue_lane *lane = schedule_get(&d->schedule, p->lanes[i].domain, p->lanes[i].lane);
    if (!lane) break;
    if (by_command && lane->domain->paused_us) schedule_pause(&d->schedule, lane->domain, 0);
    if (by_command && lane->waits_us) schedule_wait(&d->schedule, lane, 0);
    schedule_due(&d->schedule, lane, d->listed ? p->lanes[i].next_us : p->lanes[i].next_us - DELIVERY_GRACE_US);
  }
  d->listed = true;
  d->schedule.overflow = p->cut;
  d->listed_ms = uv_now(&d->loop->uv);
}

static void read_failed(struct dispatcher *d, const struct pick *p) {
  log_event(LOG_ERROR_, NULL, "queue not read", "reason", p->why.text[0] ? p->why.text : result_text(p->result), NULL);
  if (p->kind == PICK_LIST) d->listed_ms = 0; /* at the next tick again */
}

static void take_generation(struct dispatcher *d, const struct pick *p) {
  bool changed = p->generation != d->generation;
  if (p->kind == PICK_LIST) take_list(d, p, changed);
  if (changed && p->kind != PICK_LIST)
    d->list_wanted = true; /* d->generation stays, so that the list knows why it was made */
  else
    d->generation = p->generation;
}

static void on_picked(void *arg, struct pick *p) {
  struct dispatcher *d = arg;
  if (d->freed) {
    forget_memory(d);
    return;
  }
  int64_t now = clock_now_us();
  for (size_t i = 0; i < p->rows_count; i++) {
    if (p->result != OK) p->rows[i].result = p->result;
    take_rows(d, &p->rows[i], now);
  }
  in_flight_forget_ended(&d->schedule);
  if (p->result != OK)
    read_failed(d, p);
  else
    take_generation(d, p);
  dispatch_soon(d);
}

/* No room for its rows: the end of one of its own jobs makes some, or a moment does. */
static void put_off(struct dispatcher *d, struct queue_lane *lane, int64_t now) {
  lane->reading = false;
  lane->more = lane->in_flight > 0;
  if (!lane->more) schedule_due(&d->schedule, lane, now + NO_ROOM_US);
}

/* False: no room. */
static bool add_rows(struct dispatcher *d, struct pick *p, struct queue_lane *lane, size_t room) {
  char *name = room ? strdup(lane->domain->name) : NULL;
  if (!name) return false;
  struct pick_rows *rows = &p->rows[p->rows_count++];
  *rows = (struct pick_rows){
      .domain = name,
      .over_us = lane->over_us,
      .limit = (room < PICK_RECIPIENTS ? room : PICK_RECIPIENTS) + lane->in_flight + d->schedule.ended,
      .next_us = INT64_MAX,
      .deadline_us = INT64_MAX,
  };
  memcpy(rows->lane, lane->name, sizeof rows->lane);
  lane->over_us = 0;
  return true;
}

/* Lanes that are due now and have room go into the pick. */
static bool collect(struct dispatcher *d, struct pick *p) {
  struct schedule *s = &d->schedule;
  struct queue_lane *lane;
  p->now_us = clock_now_us();
  p->started_us = d->started_us;
  while ((lane = schedule_first(s)) && schedule_moment(lane) <= p->now_us && p->rows_count < PICK_LANES_MAX) {
    size_t room = schedule_room(s, lane);
    schedule_begin_read(s, lane, p->now_us);
    if (!add_rows(d, p, lane, room)) put_off(d, lane, p->now_us);
  }
  return p->rows_count > 0;
}

static void on_wake(uv_timer_t *timer) {
  poll_queue(timer->data);
}

static void arm(struct dispatcher *d) {
  struct queue_lane *lane = schedule_first(&d->schedule);
  int64_t at = lane ? schedule_moment(lane) : INT64_MAX;
  if (at == d->armed_us && uv_is_active((uv_handle_t *)&d->wake)) return;
  d->armed_us = at;
  if (!lane) {
    uv_timer_stop(&d->wake);
    return;
  }
  int64_t wait = at - clock_now_us();
  uv_timer_start(&d->wake, on_wake, wait > 0 ? (uint64_t)(wait / 1000) + 1 : 0, 0);
}

static void poll_queue(struct dispatcher *d) {
  if (!d->started || d->draining || picker_busy(d->picker) || clock_watch(d)) return;
  bool list = d->list_wanted;
  if (list) {
    d->list_wanted = false;
    picker_prepare(d->picker, PICK_LIST);
  } else if (!collect(d, picker_prepare(d->picker, PICK_ROWS))) {
    arm(d);
    if (!d->poll_wanted) return;
    picker_prepare(d->picker, PICK_GENERATION);
  }
  d->poll_wanted = false;
  picker_run(d->picker, on_picked, d);
}

static void on_tick(uv_timer_t *timer) {
  struct dispatcher *d = timer->data;
  uint64_t age = uv_now(&d->loop->uv) - d->listed_ms;
  if (age >= LIST_EVERY_MS || !d->listed_ms || (d->schedule.overflow && age >= LIST_OVERFLOW_MS)) {
    d->list_wanted = true;
    d->listed_ms = uv_now(&d->loop->uv);
  }
  d->poll_wanted = true;
  source_watch_tick(d->sources, d->loop->directory, clock_monotonic_ms());
  source_names_tick(d->names, clock_monotonic_ms());
  blocklist_watch_tick(d->blocklists, clock_now_us());
  token_renewal_tick(d->tokens, delivery_secrets(d->loop->delivery), clock_now_us());
  if (d->policies) sts_policies_tick(d->policies, clock_now_us(), clock_monotonic_ms());
  warmup_watch_tick(d->warmups, clock_now_us());
  poll_queue(d);
}

static void on_turn(struct deferred *turn) {
  struct dispatcher *d = (struct dispatcher *)((char *)turn - offsetof(struct dispatcher, turn));
  poll_queue(d);
  if (!d->draining || d->schedule.in_flight || picker_busy(d->picker) || d->clock.busy || !d->idle) return;
  warmup_watch_stop(d->warmups); /* everything is back that had left */
  if (!token_renewal_is_idle(d->tokens) || (d->policies && !sts_policies_idle(d->policies))) return;
  if (!warmup_watch_is_idle(d->warmups)) return;
  void (*idle)(void *arg) = d->idle;
  d->idle = NULL;
  idle(d->idle_arg);
}

/* --- a source that goes away --- */

struct source_gone {
  struct loop_message message;
  char address[IP_TEXT];
};

static void on_source_gone(struct loop *on, struct loop_message *m) {
  struct source_gone *s = (struct source_gone *)m;
  if (on->delivery) delivery_source_gone(on->delivery, s->address);
  free(s);
}

/* source_watch's. */
static void tell_all_loops(void *arg, const char *address) {
  const struct dispatcher *d = arg;
  for (size_t i = 0; i < d->gateway->loop_count; i++) {
    struct source_gone *s = calloc(1, sizeof *s);
    if (!s) return; /* its connections end when their time is over */
    s->message.run = on_source_gone;
    snprintf(s->address, sizeof s->address, "%s", address);
    loop_post(d->gateway->loops[i], &s->message);
  }
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
  const struct dns_source dns = {g->resolver, resolver_lookup, resolver_release};
  const struct warmup_owner warmups = {on_part_idle, on_released, d};
  if (rc == OK &&
      (!(d->sources = source_watch_new(address_is_here, tell_all_loops, d)) ||
       !(d->names = source_names_new(d->loop, &dns)) || !(d->success = source_success_new()) ||
       !(d->blocklists = blocklist_watch_new(d->loop, &dns)) ||
       !(d->tokens = token_renewal_new(d->loop, &dns, on_part_idle, d)) ||
       !(d->warmups = warmup_watch_new(d->loop, &warmups)) ||
       (g->config->mta_sts && !(d->policies = sts_policies_new(d->loop, g->resolver, &dns, on_part_idle, d)))))
    rc = fail(why, E_MEMORY, "out of memory");
  if (rc == OK && router_new(g, g->resolver, d->policies, &d->router) != OK) rc = fail(why, E_MEMORY, "out of memory");
  if (rc != OK) {
    picker_free(&d->picker);
    source_names_free(&d->names);
    source_success_free(&d->success);
    blocklist_watch_free(&d->blocklists);
    token_renewal_free(&d->tokens);
    sts_policies_free(&d->policies);
    warmup_watch_free(&d->warmups);
    source_watch_free(&d->sources);
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
  d->listed_ms = uv_now(&d->loop->uv);
  source_watch_tick(d->sources, d->loop->directory, clock_monotonic_ms());
  source_names_tick(d->names, clock_monotonic_ms());
  blocklist_watch_tick(d->blocklists, clock_now_us());
  token_renewal_tick(d->tokens, delivery_secrets(d->loop->delivery), clock_now_us());
  warmup_watch_tick(d->warmups, clock_now_us());
  uv_timer_start(&d->tick, on_tick, TICK_MS, TICK_MS);
  dispatch_soon(d);
}

void dispatcher_drain(struct dispatcher *d, void (*idle)(void *arg), void *arg) {
  d->draining = true;
  d->idle = idle;
  d->idle_arg = arg;
  source_names_stop(d->names);
  blocklist_watch_stop(d->blocklists);
  token_renewal_stop(d->tokens);
  if (d->policies) sts_policies_stop(d->policies);
  uv_timer_stop(&d->wake);
  uv_timer_stop(&d->tick);
  dispatch_soon(d);
}

static void on_handle_closed(uv_handle_t *handle) {
  forget_memory(handle->data);
}

void dispatcher_free(struct dispatcher **dispatcher) {
  struct dispatcher *d = *dispatcher;
  if (!d) return;
  *dispatcher = NULL; /* so that what is still under way finds nobody */
  d->freed = d->draining = true;
  d->pending = picker_busy(d->picker) ? 3 : 2;
  loop_defer_cancel(d->loop, &d->turn);
  router_free(&d->router);
  source_names_free(&d->names);
  source_success_free(&d->success);
  blocklist_watch_free(&d->blocklists);
  token_renewal_free(&d->tokens);
  sts_policies_free(&d->policies);
  warmup_watch_free(&d->warmups);
  uv_close((uv_handle_t *)&d->wake, on_handle_closed);
  uv_close((uv_handle_t *)&d->tick, on_handle_closed);
}

void delivery_recall_policy(struct gateway *g, const struct sts_note *n) {
  if (g->dispatcher->policies) sts_policies_recall(g->dispatcher->policies, n);
}

struct token_refused {
  struct loop_message message;
  int64_t login, token_from_us;
};

static void on_token_refused(struct loop *on, struct loop_message *m) {
  struct token_refused *t = (struct token_refused *)m;
  struct dispatcher *d = on->gateway->dispatcher;
  if (d) token_renewal_refused(d->tokens, t->login, t->token_from_us);
  free(t);
}

void delivery_token_refused(struct gateway *g, int64_t login, int64_t token_from_us) {
  struct token_refused *t = calloc(1, sizeof *t);
  if (!t) return; /* it is refused again */
  t->message.run = on_token_refused;
  t->login = login;
  t->token_from_us = token_from_us;
  loop_post(g->loops[0], &t->message);
}

void delivery_recall_warmup(struct gateway *g, const struct warmup_note *n) {
  warmup_watch_recall(g->dispatcher->warmups, n, clock_now_us());
}

/* --- how sources fare --- */

struct source_fares {
  struct loop_message message;
  struct learnt_share taken;
  char site[SITE_NAME_MAX], source[IP_TEXT];
};

static void on_source_fares(struct loop *on, struct loop_message *m) {
  struct source_fares *f = (struct source_fares *)m;
  struct dispatcher *d = on->gateway->dispatcher;
  if (d) source_success_set(d->success, f->site, f->source, f->taken);
  free(f);
}

void delivery_source_fares(struct gateway *g, const char *site, const char *source, struct learnt_share taken) {
  struct source_fares *f = calloc(1, sizeof *f);
  if (!f) return; /* it is reported again */
  f->message.run = on_source_fares;
  f->taken = taken;
  snprintf(f->site, sizeof f->site, "%s", site);
  snprintf(f->source, sizeof f->source, "%s", source);
  loop_post(g->loops[0], &f->message);
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
  to->sources_away += source_watch_away(d->sources);
  blocklist_watch_count(d->blocklists, &to->sources_listed, &to->blocklists_failing);
  to->warmups_held += warmup_watch_held(d->warmups);
  to->tokens_failed += count_failed_tokens(on->directory);
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

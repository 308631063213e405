#include "relay/delivery/queue/dispatch.h"

#include "base/log.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/queue/lanes.h"
#include "relay/delivery/queue/pick.h"
#include "relay/delivery/route/route.h"
#include "relay/delivery/route/source_choice.h"
#include "relay/delivery/site/delivery.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000                   /* looks for changes by command */
#define LIST_EVERY_MS (5 * 60 * 1000)  /* all domains, so that nothing can be stuck for longer than this */
#define LIST_OVERFLOW_MS (60 * 1000)   /* the same, while there are more domains than lanes */
#define PICK_RECIPIENTS 500            /* of one domain at once */
#define MORE_ROOM 100                  /* room that a lane must have before its next rows are read */
#define PICK_FAILED_US (5 * SECOND_US) /* to the next try, when the store cannot be read */
#define NO_ROOM_US SECOND_US
#define HAND_OVER_US (DISPATCH_GRACE_US / 2) /* a hand-over that took longer might meet the reader's rows */

struct dispatcher {
  struct gateway *gateway;
  struct loop *loop;
  struct router *router;
  struct picker *picker;
  struct lanes lanes;
  struct dispatcher_figures figures;
  uv_timer_t wake, tick;
  struct deferred turn;
  int64_t started_us, generation, armed_us;
  uint64_t listed_ms;
  bool started, listed, draining, list_wanted, look_wanted;
  void (*idle)(void *arg);
  void *idle_arg;
  unsigned pending; /* what must end before the memory can go: handles, a pick */
  bool freed;
};

static void look(struct dispatcher *d);

/* Soon, and on a fresh stack: picks what is due, or tells that it is idle. */
static void look_soon(struct dispatcher *d) {
  loop_defer(d->loop, &d->turn);
}

/* --- the end of a job --- */

static void end_job(struct dispatcher *d, struct job *j, int64_t not_before_us) {
  struct lanes *l = &d->lanes;
  struct lane *lane = lane_find(l, j->domain);
  int64_t now = clock_now_us();
  flights_remove(l, j);
  if (lane && not_before_us > now) {
    lane_pause(l, lane, not_before_us);
    lane_due(l, lane, not_before_us);
  }
  if (lane && j->retry_us != INT64_MAX) {
    lane_due(l, lane, j->retry_us);
    lane_deadline(l, lane, job_deadline(j));
  }
  if (lane && lane->more && (!lane->in_flight || lane_room(l, lane) >= MORE_ROOM)) {
    lane->more = false;
    lane_due(l, lane, now);
  }
  if (lane) lane_tidy(l, lane);
  job_free(&j);
  look_soon(d);
}

/* --- a job on its way --- */

struct hand_over {
  struct loop_message message;
  struct job *job;
  struct route *route;
  char source[IP_TEXT], helo[256];
};

static void on_hand_over(struct loop *on, struct loop_message *m) {
  struct hand_over *h = (struct hand_over *)m;
  if (on->delivery)
    delivery_take(on->delivery, h->job, h->route, h->source[0] ? h->source : NULL, h->helo);
  else
    dispatch_finished(on->gateway, h->job, 0);
  route_release(&h->route);
  free(h);
}

static void hand_over(struct dispatcher *d, struct job *j, struct route *route, const struct source *source) {
  struct hand_over *h = calloc(1, sizeof *h);
  if (!h) {
    end_job(d, j, clock_now_us() + verdict_site_pause(d->gateway->config));
    return;
  }
  h->message.run = on_hand_over;
  h->job = j;
  h->route = route_hold(route);
  if (source) snprintf(h->source, sizeof h->source, "%s", source->address);
  const char *helo = source && source->helo && source->helo[0] ? source->helo : d->gateway->config->hostname;
  snprintf(h->helo, sizeof h->helo, "%s", helo);
  size_t owner = destination_owner(h->source, route->site, d->gateway->loop_count);
  loop_post(d->gateway->loops[owner], &h->message);
}

/* No destination can take it: the outcome is made here. */
static void rule_here(struct dispatcher *d, struct job *j, const struct incident *incident, int64_t not_before_us) {
  struct outcome *o = outcome_prepare(d->loop, j);
  if (!o) {
    end_job(d, j, clock_now_us() + verdict_site_pause(d->gateway->config));
    return;
  }
  outcome_rule_rest(o, incident);
  outcome_commit(o, "", "", "", not_before_us);
}

/* RFC 8689 4.2.1 (1): the names of the hosts must be known for sure; MTA-STS, the other way, is not known here. False:
 * the job has been ruled. */
static bool may_route(struct dispatcher *d, struct job *j, const struct route *route) {
  if (!(j->envelope.flags & MESSAGE_REQUIRE_TLS) || route->authentic) return true;
  if (!j->envelope.reverse_path[0]) { /* 5: a bounce is not lost for want of it */
    j->envelope.flags &= ~(unsigned)MESSAGE_REQUIRE_TLS;
    return true;
  }
  struct incident incident = {.stage = STAGE_ROUTE, .trouble = TROUBLE_NO_TLS};
  snprintf(incident.text, sizeof incident.text,
           "the message requires TLS, and the mail exchangers of %.150s cannot be known for sure: no DNSSEC",
           j->domain);
  rule_here(d, j, &incident, 0);
  return false;
}

static void on_route(void *arg, struct route *route) {
  struct job *j = arg;
  struct dispatcher *d = loop_current()->gateway->dispatcher;
  if (!d) {
    job_free(&j);
    return;
  }
  if (d->draining) {
    end_job(d, j, 0);
    return;
  }
  struct incident incident;
  if (route->status != ROUTE_OK) {
    incident_of_route(route, &incident);
    rule_here(d, j, &incident, route->status == ROUTE_TEMPORARY ? route->expires_us : 0);
    return;
  }
  if (!may_route(d, j, route)) return;
  const struct source *source;
  struct reason why;
  if (source_choose(d->loop->directory, j->envelope.pool, route, &source, &why) == OK) {
    hand_over(d, j, route, source);
    return;
  }
  incident = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_SOURCE, .local = true};
  snprintf(incident.text, sizeof incident.text, "%.250s", why.text);
  rule_here(d, j, &incident, 0);
}

static void start_job(struct dispatcher *d, struct lane *lane, struct job *j) {
  flights_add(&d->lanes, lane, j);
  if (!j->recipient_count) { /* all of them are in flight already */
    job_free(&j);
    lane_tidy(&d->lanes, lane);
    return;
  }
  if (job_deadline(j) <= clock_now_us()) { /* RFC 2852 4.1: no further processing */
    struct incident incident;
    incident_of_deadline(&incident);
    rule_here(d, j, &incident, 0);
    return;
  }
  if (router_find(d->router, j->domain, on_route, j) != OK)
    end_job(d, j, clock_now_us() + verdict_site_pause(d->gateway->config));
}

/* --- jobs handed over in memory --- */

/* Left to the reader, which finds its rows when their grace is over. */
static void leave_to_reader(struct dispatcher *d, struct lane *lane, struct job *j, int64_t due_us) {
  d->figures.dropped += j->recipient_count;
  if (lane) lane_due(&d->lanes, lane, due_us < job_deadline(j) ? due_us : job_deadline(j));
  if (lane) lane_deadline(&d->lanes, lane, job_deadline(j));
  job_free(&j);
  look_soon(d);
}

static void accept_job(struct dispatcher *d, struct job *j, int64_t not_before_us) {
  int64_t now = clock_now_us();
  struct lane *lane = lane_get(&d->lanes, j->domain);
  int64_t grace_over = j->envelope.created_us + DISPATCH_GRACE_US;
  if (lane && not_before_us > now) {
    leave_to_reader(d, lane, j, not_before_us);
    return;
  }
  bool late = now > j->envelope.created_us + HAND_OVER_US || now >= job_deadline(j); /* its rows can be seen by then */
  if (!lane || late || !d->started || d->draining || lane->paused_us > now ||
      lane_room(&d->lanes, lane) < j->recipient_count) {
    leave_to_reader(d, lane, j, grace_over);
    return;
  }
  d->figures.accepted_direct += j->recipient_count;
  if (content_octets_held() > DISPATCH_CONTENT_MAX) content_release(&j->content);
  start_job(d, lane, j);
}

static bool beyond_one_job(void *arg, size_t index) {
  (void)arg;
  return index >= JOB_RECIPIENTS_MAX;
}

static void on_accepted(struct loop *on, struct loop_message *m) {
  struct job *j = (struct job *)((char *)m - offsetof(struct job, post));
  struct dispatcher *d = on->gateway->dispatcher;
  if (!d) {
    job_free(&j);
    return;
  }
  int64_t moment = j->post_moment_us;
  while (j) {
    struct job *rest = j->recipient_count > JOB_RECIPIENTS_MAX ? job_split(j, beyond_one_job, NULL) : NULL;
    if (!rest && j->recipient_count > JOB_RECIPIENTS_MAX) /* no memory: in smaller pieces, later */
      leave_to_reader(d, lane_get(&d->lanes, j->domain), j, j->envelope.created_us + DISPATCH_GRACE_US);
    else
      accept_job(d, j, moment);
    j = rest;
  }
}

void dispatch_accepted(struct gateway *g, struct job *j, int64_t not_before_us) {
  j->post.run = on_accepted;
  j->post_moment_us = not_before_us;
  loop_post(g->loops[0], &j->post);
}

static void on_finished(struct loop *on, struct loop_message *m) {
  struct job *j = (struct job *)((char *)m - offsetof(struct job, post));
  if (on->gateway->dispatcher)
    end_job(on->gateway->dispatcher, j, j->post_moment_us);
  else
    job_free(&j);
}

void dispatch_finished(struct gateway *g, struct job *j, int64_t not_before_us) {
  j->post.run = on_finished;
  j->post_moment_us = not_before_us;
  loop_post(g->loops[0], &j->post);
}

/* --- commands --- */

struct look_message {
  struct loop_message message;
  bool all;
  char domain[];
};

static void on_look(struct loop *on, struct loop_message *m) {
  struct look_message *k = (struct look_message *)m;
  struct dispatcher *d = on->gateway->dispatcher;
  struct lane *lane = d && !k->all ? lane_get(&d->lanes, k->domain) : NULL;
  if (lane) {
    lane_pause(&d->lanes, lane, 0);
    lane_due(&d->lanes, lane, clock_now_us());
  }
  if (d && k->all) d->list_wanted = true;
  if (d) look_soon(d);
  free(k);
}

void dispatch_look(struct gateway *g, const char *domain) {
  size_t len = domain ? strlen(domain) : 0;
  struct look_message *k = calloc(1, sizeof *k + len + 1);
  if (!k) { /* the regular listing finds it */
    log_event(LOG_WARN_, NULL, "dispatch", "reason", "out of memory", NULL);
    return;
  }
  k->message.run = on_look;
  k->all = !domain;
  if (domain) memcpy(k->domain, domain, len);
  loop_post(g->loops[0], &k->message);
}

/* --- reading the queue --- */

static void forget_memory(struct dispatcher *d) {
  if (--d->pending) return;
  picker_free(&d->picker);
  lanes_free(&d->lanes);
  free(d);
}

/* The lane was looked at in its pause, for a deadline: only what is too late is taken out of the queue. */
static bool wait_for_pause(struct dispatcher *d, struct lane *lane, const struct job *j) {
  int64_t now = clock_now_us();
  if (lane->paused_us <= now || job_deadline(j) <= now) return false;
  lane_due(&d->lanes, lane, now); /* which is when the pause ends */
  lane_deadline(&d->lanes, lane, job_deadline(j));
  return true;
}

static void take_jobs(struct dispatcher *d, struct lane *lane, struct pick_lane *from) {
  while (from->jobs) {
    struct job *j = from->jobs;
    from->jobs = j->next;
    j->next = NULL;
    if (d->draining || !lane || wait_for_pause(d, lane, j)) {
      job_free(&j);
      continue;
    }
    d->figures.picked += j->recipient_count;
    start_job(d, lane, j);
  }
}

static void take_lane(struct dispatcher *d, struct pick_lane *from, int64_t now) {
  struct lane *lane = lane_find(&d->lanes, from->domain);
  take_jobs(d, lane, from);
  if (!lane) return;
  lane_end_pick(&d->lanes, lane);
  if (from->result != OK) {
    log_event(LOG_ERROR_, NULL, "queue not read", "domain", from->domain, "reason", result_text(from->result), NULL);
    lane_due(&d->lanes, lane, now + PICK_FAILED_US);
  }
  if (from->next_us != INT64_MAX) lane_due(&d->lanes, lane, from->next_us);
  lane_deadline(&d->lanes, lane, from->deadline_us);
  if (from->more) lane_due(&d->lanes, lane, now);
  lane_tidy(&d->lanes, lane);
}

/* The first list of a start also holds mail that was accepted in the last seconds before it: nothing is in flight, so
 * its grace is over. A list after a command ends pauses: a person has said "now". */
static void take_list(struct dispatcher *d, const struct pick *p, bool by_command) {
  for (size_t i = 0; i < p->domain_count; i++) {
    struct lane *lane = lane_get(&d->lanes, p->domains[i].domain);
    if (!lane) break;
    if (by_command && lane->paused_us) lane_pause(&d->lanes, lane, 0);
    if (!d->listed) lane->startup = true;
    lane_due(&d->lanes, lane, d->listed ? p->domains[i].next_us : p->domains[i].next_us - DISPATCH_GRACE_US);
  }
  d->listed = true;
  d->lanes.overflow = p->cut;
  d->listed_ms = uv_now(&d->loop->uv);
}

static void on_picked(void *arg, struct pick *p) {
  struct dispatcher *d = arg;
  if (d->freed) {
    forget_memory(d);
    return;
  }
  int64_t now = clock_now_us();
  for (size_t i = 0; i < p->lane_count; i++) {
    if (p->result != OK) p->lanes[i].result = p->result;
    take_lane(d, &p->lanes[i], now);
  }
  lanes_lay_ghosts(&d->lanes);
  if (p->result != OK) {
    log_event(LOG_ERROR_, NULL, "queue not read", "reason", p->why.text[0] ? p->why.text : result_text(p->result),
              NULL);
    if (p->kind == PICK_LIST) d->listed_ms = 0; /* at the next tick again */
  } else {
    bool changed = p->generation != d->generation;
    if (p->kind == PICK_LIST) take_list(d, p, changed);
    if (changed && p->kind != PICK_LIST)
      d->list_wanted = true; /* d->generation stays, so that the list knows why it was made */
    else
      d->generation = p->generation;
  }
  look_soon(d);
}

/* Lanes that are due now and have room go into the pick. */
static bool collect(struct dispatcher *d, struct pick *p) {
  struct lanes *l = &d->lanes;
  p->now_us = clock_now_us();
  p->started_us = d->started_us;
  for (struct lane *lane = lanes_first(l); lane && lane_moment(lane) <= p->now_us; lane = lanes_first(l)) {
    size_t room = lane_room(l, lane);
    if (p->lane_count == PICK_LANES_MAX) break;
    lane_begin_pick(l, lane, p->now_us);
    char *domain = room ? strdup(lane->domain) : NULL;
    if (domain) {
      p->lanes[p->lane_count++] = (struct pick_lane){
          .domain = domain,
          .limit = (room < PICK_RECIPIENTS ? room : PICK_RECIPIENTS) + lane->in_flight + l->ghosts,
          .early = lane->startup,
          .next_us = INT64_MAX,
          .deadline_us = INT64_MAX,
      };
      continue;
    }
    lane->picking = false;
    lane->more = lane->in_flight > 0; /* then the end of one of its own jobs makes room */
    if (!lane->more) lane_due(l, lane, p->now_us + NO_ROOM_US);
  }
  return p->lane_count > 0;
}

static void on_wake(uv_timer_t *timer) {
  look(timer->data);
}

static void arm(struct dispatcher *d) {
  struct lane *lane = lanes_first(&d->lanes);
  int64_t at = lane ? lane_moment(lane) : INT64_MAX;
  if (at == d->armed_us && uv_is_active((uv_handle_t *)&d->wake)) return;
  d->armed_us = at;
  if (!lane) {
    uv_timer_stop(&d->wake);
    return;
  }
  int64_t wait = at - clock_now_us();
  uv_timer_start(&d->wake, on_wake, wait > 0 ? (uint64_t)(wait / 1000) + 1 : 0, 0);
}

static void look(struct dispatcher *d) {
  if (!d->started || d->draining || picker_busy(d->picker)) return;
  bool list = d->list_wanted;
  if (list) {
    d->list_wanted = false;
    picker_prepare(d->picker, PICK_LIST);
  } else if (!collect(d, picker_prepare(d->picker, PICK_ROWS))) {
    arm(d);
    if (!d->look_wanted) return;
    picker_prepare(d->picker, PICK_GENERATION);
  }
  d->look_wanted = false;
  picker_run(d->picker, on_picked, d);
}

static void on_tick(uv_timer_t *timer) {
  struct dispatcher *d = timer->data;
  uint64_t age = uv_now(&d->loop->uv) - d->listed_ms;
  if (age >= LIST_EVERY_MS || !d->listed_ms || (d->lanes.overflow && age >= LIST_OVERFLOW_MS)) {
    d->list_wanted = true;
    d->listed_ms = uv_now(&d->loop->uv);
  }
  d->look_wanted = true;
  look(d);
}

static void on_turn(struct deferred *turn) {
  struct dispatcher *d = (struct dispatcher *)((char *)turn - offsetof(struct dispatcher, turn));
  look(d);
  if (!d->draining || d->lanes.in_flight || picker_busy(d->picker) || !d->idle) return;
  void (*idle)(void *arg) = d->idle;
  d->idle = NULL;
  idle(d->idle_arg);
}

/* --- life --- */

int dispatcher_new(struct gateway *g, struct dispatcher **out, struct reason *why) {
  struct dispatcher *d = *out = calloc(1, sizeof *d);
  if (!d) return fail(why, E_MEMORY, "out of memory");
  d->gateway = g;
  d->loop = g->loops[0];
  d->turn.run = on_turn;
  d->generation = -1;
  lanes_init(&d->lanes);
  int rc = picker_new(&d->loop->uv, g->config->data_dir, &d->picker, why);
  if (rc == OK && router_new(g, g->resolver, &d->router) != OK) rc = fail(why, E_MEMORY, "out of memory");
  if (rc != OK) {
    picker_free(&d->picker);
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
  d->list_wanted = true;
  d->listed_ms = uv_now(&d->loop->uv);
  uv_timer_start(&d->tick, on_tick, TICK_MS, TICK_MS);
  look_soon(d);
}

void dispatcher_drain(struct dispatcher *d, void (*idle)(void *arg), void *arg) {
  d->draining = true;
  d->idle = idle;
  d->idle_arg = arg;
  uv_timer_stop(&d->wake);
  uv_timer_stop(&d->tick);
  look_soon(d);
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
  uv_close((uv_handle_t *)&d->wake, on_handle_closed);
  uv_close((uv_handle_t *)&d->tick, on_handle_closed);
}

void dispatcher_figures(struct dispatcher *d, struct dispatcher_figures *out) {
  *out = d->figures;
  out->in_flight = d->lanes.in_flight;
  out->domains_waiting = HASH_COUNT(d->lanes.table);
}

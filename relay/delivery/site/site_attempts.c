/* What the destinations of a loop are doing, for people who ask. */
#include "relay/delivery/site/connection.h"
#include "relay/delivery/site/delivery.h"
#include "relay/delivery/site/delivery_parts.h"
#include "relay/delivery/site/destination.h"
#include "relay/delivery/site/site.h"

struct report {
  void (*each)(void *arg, const struct delivery_attempt *a);
  void *arg;
};

static const char *stage_name(enum smtp_stage stage) {
  static const char *const names[] = {
      [STAGE_ROUTE] = "route", [STAGE_CONNECT] = "connect",   [STAGE_GREETING] = "greeting",
      [STAGE_EHLO] = "ehlo",   [STAGE_STARTTLS] = "starttls", [STAGE_HANDSHAKE] = "handshake",
      [STAGE_AUTH] = "auth",   [STAGE_IDLE] = "wait",         [STAGE_MAIL] = "mail",
      [STAGE_RCPT] = "rcpt",   [STAGE_DATA] = "data",         [STAGE_CONTENT] = "content",
      [STAGE_DOT] = "dot",
  };
  return names[stage];
}

static const char *work_name(const struct connection *c) {
  if (c->phase == CONNECTION_LOADING) return "load";
  if (c->phase == CONNECTION_CONVERTING) return "convert";
  return c->client ? stage_name(client_stage(c->client)) : "connect";
}

static void report_as(const struct report *r, const struct job *j, struct delivery_attempt *a) {
  a->since_us = j->attempt_us ? j->attempt_us : j->queued_us;
  for (size_t i = 0; i < j->recipient_count; i++) {
    a->recipient_id = j->recipients[i].to.id;
    r->each(r->arg, a);
  }
}

static void report_job(const struct report *r, const struct job *j, const char *stage, const char *host) {
  report_as(r, j, &(struct delivery_attempt){.stage = stage, .host = host});
}

#define USUAL_PERCENT 50

/* When a transaction that begins then is likely to have ended; by the clock on the wall. 0: that is not known, or it
 * takes longer than most. */
static int64_t delivered_at(const struct site *s, int64_t begins_us) {
  int64_t usual = learnt_times_within(&s->learnt.transaction, USUAL_PERCENT), at = begins_us + usual;
  return begins_us && usual && at > clock_now_us() ? at : 0;
}

static void report_work(const struct report *r, const struct connection *c) {
  int64_t begun = c->paced ? site_wall(c->paced_us) : 0;
  report_as(r, c->outcome->job,
            &(struct delivery_attempt){
                .stage = work_name(c), .host = c->target, .delivered_us = delivered_at(c->destination->site, begun)});
}

/* --- what waits --- */

struct waiting {
  const struct report *report;
  const struct destination *destination;
  struct delivery_attempt attempt; /* as far as it is the same for all */
};

/* At a site that has several destinations waiting, they take turns: those before it in the site's list have one more.
 */
static size_t ahead_elsewhere(const struct destination *d, size_t own) {
  size_t sum = 0, turns = own + 1;
  for (const struct destination *t = d->paced ? d->site->waiting : NULL; t; t = t->site_next) {
    if (t == d)
      turns = own;
    else
      sum += t->queue.count < turns ? t->queue.count : turns;
  }
  return sum;
}

/* By the clock on the wall: not before the site's turn. */
static int64_t expected(const struct waiting *w, const struct job_ahead *ahead) {
  int64_t now = site_now(), left = turn_time_expect(&w->destination->turn_time, now, ahead->all);
  int64_t at = left ? site_wall(now + left) : 0;
  return at > w->attempt.until_us ? at : w->attempt.until_us;
}

static void report_turn(void *arg, const struct job *j, const struct job_ahead *ahead) {
  const struct waiting *w = arg;
  struct delivery_attempt a = w->attempt;
  a.waits = true;
  a.ahead = ahead->all + ahead_elsewhere(w->destination, ahead->all);
  a.ahead_own = ahead->own;
  a.ahead_other = ahead->other;
  a.ahead_of_other = ahead->of_other;
  a.expected_us = expected(w, ahead);
  a.delivered_us = delivered_at(w->destination->site, a.expected_us);
  report_as(w->report, j, &a);
}

static void report_without_turn(void *arg, const struct job *j) {
  const struct waiting *w = arg;
  struct delivery_attempt a = w->attempt;
  report_as(w->report, j, &a);
}

static void report_queue(struct waiting *w) {
  const struct job_queue *q = &w->destination->queue;
  if (job_queue_in_order(q, report_turn, w) != OK) job_queue_each(q, report_without_turn, w);
}

/* What waits for the site's turn, and until when; 0: it is not known. */
static void report_paced(const struct report *r, const struct destination *t) {
  const struct site *s = t->site;
  int64_t until = s->wake_us > site_now() ? site_wall(s->wake_us) : 0;
  report_queue(&(struct waiting){r, t, {.stage = "pace", .host = s->name, .until_us = until}});
}

/* What it waits for, when no connection is being opened for it. */
static const char *wait_name(const struct destination *t) {
  if (t->delivery->paused) return "store";
  if (t->token_since_us) return "token";
  return t->share ? "share" : "wait";
}

/* What waits is shown with a connection that is being opened for it: mostly to a host that does not answer. */
static void report_waiting(const struct report *r, const struct destination *t) {
  const struct connection *c = t->connections;
  while (c && c->phase != CONNECTION_WALKING) c = c->next;
  const char *stage = c ? work_name(c) : wait_name(t), *host = c ? c->target : t->route->site;
  report_queue(&(struct waiting){r, t, {.stage = stage, .host = host}});
}

static void report_outcome(void *arg, const struct job *j, const char *host) {
  report_job(arg, j, "record", *host ? host : j->domain);
}

void delivery_attempts_at_sites(const struct delivery *d, void (*each)(void *arg, const struct delivery_attempt *a),
                                void *arg) {
  struct report r = {each, arg};
  for (const struct destination *t = d->destinations; t; t = t->hh.next) {
    if (t->paced)
      report_paced(&r, t);
    else
      report_waiting(&r, t);
    for (const struct connection *c = t->connections; c; c = c->next)
      if (c->outcome) report_work(&r, c);
  }
  outcomes_each(d->outcomes, report_outcome, &r);
}

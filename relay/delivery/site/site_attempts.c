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

static void report_until(const struct report *r, const struct job *j, const char *stage, const char *host,
                         int64_t until_us) {
  struct delivery_attempt a = {
      .until_us = until_us, .since_us = j->attempt_us ? j->attempt_us : j->queued_us, .stage = stage, .host = host};
  for (size_t i = 0; i < j->recipient_count; i++) {
    a.recipient_id = j->recipients[i].to.id;
    r->each(r->arg, &a);
  }
}

static void report_job(const struct report *r, const struct job *j, const char *stage, const char *host) {
  report_until(r, j, stage, host, 0);
}

struct waiting {
  const struct report *report;
  const char *stage, *host;
  int64_t until_us;
};

static void report_one_waiting(void *arg, const struct job *j) {
  const struct waiting *w = arg;
  report_until(w->report, j, w->stage, w->host, w->until_us);
}

/* What waits for the site's turn, and until when; 0: it is not known. */
static void report_paced(const struct report *r, const struct destination *t) {
  const struct site *s = t->site;
  struct waiting w = {r, "pace", s->name, s->wake_us > site_now() ? site_wall(s->wake_us) : 0};
  job_queue_each(&t->queue, report_one_waiting, &w);
}

/* What waits is shown with a connection that is being opened for it: mostly to a host that does not answer. */
static void report_waiting(const struct report *r, const struct destination *t) {
  const struct connection *c = t->connections;
  while (c && c->phase != CONNECTION_WALKING) c = c->next;
  const char *stage = c ? work_name(c) : "wait", *host = c ? c->target : t->route->site;
  struct waiting w = {r, stage, host, 0};
  job_queue_each(&t->queue, report_one_waiting, &w);
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
      if (c->outcome) report_job(&r, c->outcome->job, work_name(c), c->target);
  }
  outcomes_each(d->outcomes, report_outcome, &r);
}

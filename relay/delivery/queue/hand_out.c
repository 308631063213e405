/* A job on its way: to its route, and back when it is finished. */
#include "base/clock.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/queue/in_flight.h"
#include "relay/delivery/route/router.h"
#include "relay/delivery/route/warmup_watch.h"
#include "relay/delivery/site/delivery.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MORE_ROOM 100 /* room that a lane must have before its next rows are read */
#define PAUSE_STEP_US SECOND_US

/* --- back --- */

/* Its site cannot be reached: its mail waits, or what was deferred comes again in time. A pause that is nearly the same
 * as before stays: each of many jobs brings one. */
static void schedule_again(struct schedule *s, struct queue_lane *lane, const struct job *j, int64_t now) {
  if (j->result.not_before_us > now) {
    if (j->result.not_before_us > lane->domain->paused_us + PAUSE_STEP_US || lane->domain->paused_us <= now)
      schedule_pause(s, lane->domain, j->result.not_before_us);
    schedule_due(s, lane, j->result.not_before_us);
  }
  if (j->retry_us != INT64_MAX) {
    schedule_due(s, lane, j->retry_us);
    schedule_deadline(s, lane, job_deadline(j));
  }
  if (lane->more && (!lane->in_flight || schedule_room(s, lane) >= MORE_ROOM)) {
    lane->more = false;
    schedule_due(s, lane, now);
  }
}

/* What came of it, for the mail that waits for this domain. */
static void end_for_domain(struct dispatcher *d, const struct job *j, const char *domain) {
  char name[LANE_TEXT];
  envelope_lane(&j->envelope, name);
  struct queue_lane *lane = schedule_find(&d->schedule, domain, name);
  if (!lane) return;
  if (j->site_key) lane->site_key = j->site_key;
  schedule_again(&d->schedule, lane, j, clock_now_us());
  schedule_tidy(&d->schedule, lane);
}

/* The one end of a job: on loops[0], behind job_finish. */
static void end_job(struct dispatcher *d, struct job *j) {
  if (j->by_command) returns_end(d);
  in_flight_remove(&d->schedule, j);
  warmup_watch_give_back(d->watches.warmups, j->warmup, (uint32_t)j->recipient_count, &j->came, clock_now_us());
  probe_ends(d, j);
  if (!j->recipient_count) end_for_domain(d, j, j->domain);
  for (size_t i = 0; i < j->recipient_count; i++) /* those of one domain stand together */
    if (!i || strcmp(job_domain(j, i), job_domain(j, i - 1)) != 0) end_for_domain(d, j, job_domain(j, i));
  job_free(&j);
  dispatch_soon(d);
}

static void on_finished(struct loop *on, struct loop_message *m) {
  struct job *j = (struct job *)((char *)m - offsetof(struct job, post));
  struct dispatcher *d = on->gateway->dispatcher;
  struct job *notice = j->result.notice;
  if (!d) {
    job_free(&j);
    return;
  }
  if (j->result.again) {
    dispatch_again(d, j);
    return;
  }
  j->result.notice = NULL;
  if (notice) dispatch_fresh(d, notice, 0);
  if (j->result.notice_waits || j->result.withdrawn) d->list_wanted = true;
  end_job(d, j);
}

/* job->finish: on any loop. */
static void finish(struct gateway *g, struct job *j) {
  j->post.run = on_finished;
  loop_post(g->loops[0], &j->post);
}

void dispatch_follow(struct job *j) {
  j->finish = finish;
}

/* --- out --- */

/* No destination can take it: the outcome is made here. */
void dispatch_rule(struct dispatcher *d, struct job *j, const struct incident *incident, const char *source,
                   int64_t not_before_us) {
  const struct outcome_place nowhere = {.host = "", .source = source, .tls = ""};
  outcome_without_attempt(delivery_outcomes(d->loop->delivery), j, incident, &nowhere, not_before_us);
}

static void rule_here(struct dispatcher *d, struct job *j, const struct incident *incident, int64_t not_before_us) {
  dispatch_rule(d, j, incident, "", not_before_us);
}

/* The incident that a route without hosts is. */
static void incident_of_route(const struct route *route, struct incident *out) {
  static const enum trouble troubles[] = {
      [ROUTE_OK] = TROUBLE_LOCAL,
      [ROUTE_NULL_MX] = TROUBLE_NULL_MX,
      [ROUTE_NO_DOMAIN] = TROUBLE_NO_DOMAIN,
      [ROUTE_NO_ADDRESS] = TROUBLE_NO_ADDRESS,
      [ROUTE_LOOP] = TROUBLE_LOOP,
      [ROUTE_TEMPORARY] = TROUBLE_DNS,
      [ROUTE_BROKEN] = TROUBLE_ROUTE,
  };
  *out = (struct incident){.stage = STAGE_ROUTE, .trouble = troubles[route->status]};
  snprintf(out->text, sizeof out->text, "%s", route->why);
}

/* RFC 8689 4.2.1 (1): the names of the hosts must be known for sure, by DNSSEC or by an MTA-STS policy that is
 * enforced. False: the job has been ruled. */
static bool may_route(struct dispatcher *d, struct job *j, const struct route *route) {
  if (!(j->envelope.flags & MESSAGE_REQUIRE_TLS) || route->authentic || route_is_enforced(route)) return true;
  if (!j->envelope.reverse_path[0]) { /* 5: a bounce is not lost for want of it */
    j->envelope.flags &= ~(unsigned)MESSAGE_REQUIRE_TLS;
    return true;
  }
  struct incident incident = {.stage = STAGE_ROUTE, .trouble = TROUBLE_NO_TLS};
  snprintf(incident.text, sizeof incident.text,
           "the message requires TLS, and the exchangers of %.140s cannot be known for sure: neither DNSSEC nor "
           "MTA-STS",
           j->domain);
  rule_here(d, j, &incident, 0);
  return false;
}

/* A host whose TLSA records cannot be had is not connected to, so the search counts instead of a session, once (RFC
 * 8460 4.3.2.1, dnssec-invalid). Not those for mail that asks for TLS to be ignored, as reports do. */
static void count_tls_unknown(const struct dispatcher *d, const struct job *j, struct route *route) {
  if (!route->tls_unknown[0] || route->tls_counted || j->envelope.flags & MESSAGE_TLS_OPTIONAL) return;
  struct tls_outcome o = {.policy = {TLS_POLICY_TLSA, route->tls_unknown, "", ""},
                          .result = TLS_RESULT_DNSSEC_INVALID,
                          .mx = route->tls_unknown,
                          .reason = dns_failure(route->tls_bogus)};
  o.domain = route_report_domain(d->loop->directory, &route->terms, j->domain);
  route->tls_counted = true;
  if (o.domain) delivery_count_tls(d->loop, &o);
}

static void take_route(struct dispatcher *d, struct job *j, struct route *route) {
  count_tls_unknown(d, j, route);
  if (route->status == ROUTE_OK) {
    if (may_route(d, j, route)) leave(d, j, route);
    return;
  }
  struct incident incident;
  incident_of_route(route, &incident);
  bool domain_waits = route->status == ROUTE_TEMPORARY && !route->terms.by; /* else other mail may go another way */
  rule_here(d, j, &incident, domain_waits ? route->expires_us : 0);
}

static void on_route(void *arg, struct route *route) {
  struct job *j = arg;
  struct dispatcher *d = loop_current()->gateway->dispatcher;
  if (!d)
    job_free(&j);
  else if (d->draining)
    job_finish(d->gateway, j, &(struct job_result){0});
  else
    take_route(d, j, route);
}

const struct static_route *dispatch_static_route(const struct dispatcher *d, const struct job *j) {
  const struct directory *dir = d->loop->directory;
  char sender[DOMAIN_MAX + 1] = "";
  const char *at = strrchr(j->envelope.reverse_path, '@');
  if (!dir->route_count) return NULL;
  if (at && domain_normalize(bytes_of(at + 1), sender) != OK) sender[0] = '\0';
  const struct route_question q = {.to = j->domain, .account = j->envelope.account, .sender = sender};
  return static_route_find(dir->routes, dir->route_count, &q);
}

static void find_route(struct dispatcher *d, struct job *j) {
  if (play_takes(d, j)) return;
  if (router_find(d->router, j->domain, dispatch_static_route(d, j), on_route, j) != OK)
    outcome_no_memory(d->gateway, j);
}

void dispatch_start(struct dispatcher *d, struct queue_lane *lane, struct job *j) {
  dispatch_follow(j);
  j->generation = d->generation;
  in_flight_add(&d->schedule, lane, j);
  if (!j->recipient_count) { /* all of them are in flight already */
    job_free(&j);
    schedule_tidy(&d->schedule, lane);
    return;
  }
  if (job_deadline(j) <= clock_now_us()) { /* RFC 2852 4.1: no further processing */
    struct incident incident;
    incident_of_deadline(&incident);
    rule_here(d, j, &incident, 0);
    return;
  }
  find_route(d, j);
}

void dispatch_again(struct dispatcher *d, struct job *j) {
  probe_ends(d, j);
  warmup_watch_give_back(d->watches.warmups, j->warmup, (uint32_t)j->recipient_count, &j->came, clock_now_us());
  j->warmup = 0;
  j->came = (struct warmup_tally){0};
  j->result = (struct job_result){0};
  j->attempt_us = 0;
  j->probe = 0;
  if (d->draining)
    end_job(d, j);
  else
    find_route(d, j);
}

/* A job on its way: out to the loop that owns its destination, and back when it is finished. */
#include "base/clock.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/queue/in_flight.h"
#include "relay/delivery/route/blocklist_watch.h"
#include "relay/delivery/route/router.h"
#include "relay/delivery/route/source_choice.h"
#include "relay/delivery/route/source_names.h"
#include "relay/delivery/route/source_success.h"
#include "relay/delivery/route/source_watch.h"
#include "relay/delivery/route/warmup_watch.h"
#include "relay/delivery/site/delivery.h"
#include "relay/delivery/site/site_name.h"
#include "relay/net/local_address.h"

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
  in_flight_remove(&d->schedule, j);
  warmup_watch_give_back(d->warmups, j->warmup, (uint32_t)j->recipient_count, &j->came, clock_now_us());
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
  if (j->result.notice_waits) d->list_wanted = true;
  end_job(d, j);
}

/* job->finish: on any loop. */
static void finish(struct gateway *g, struct job *j) {
  j->post.run = on_finished;
  loop_post(g->loops[0], &j->post);
}

/* --- out --- */

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
    job_finish(on->gateway, h->job, &(struct job_result){0});
  route_release(&h->route);
  free(h);
}

static void hand_over(struct dispatcher *d, struct job *j, struct route *route, const struct source *source,
                      const char *site) {
  struct hand_over *h = calloc(1, sizeof *h);
  if (!h) {
    outcome_no_memory(d->gateway, j);
    return;
  }
  h->message.run = on_hand_over;
  h->job = j;
  h->route = route_hold(route);
  if (source) snprintf(h->source, sizeof h->source, "%s", source->address);
  const char *helo = source && source->helo && source->helo[0] ? source->helo : d->gateway->config->hostname;
  snprintf(h->helo, sizeof h->helo, "%s", helo);
  size_t owner = destination_owner(h->source, site, d->gateway->loop_count); /* all that share a pace are on one loop */
  loop_post(d->gateway->loops[owner], &h->message);
}

/* No destination can take it: the outcome is made here. */
static void rule_at(struct dispatcher *d, struct job *j, const struct incident *incident, const char *source,
                    int64_t not_before_us) {
  const struct outcome_place nowhere = {.host = "", .source = source, .tls = ""};
  outcome_without_attempt(delivery_outcomes(d->loop->delivery), j, incident, &nowhere, not_before_us);
}

static void rule_here(struct dispatcher *d, struct job *j, const struct incident *incident, int64_t not_before_us) {
  rule_at(d, j, incident, "", not_before_us);
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

/* A job that looks for its source. */
struct leaving {
  struct dispatcher *dispatcher;
  struct route *route;
  char site[SITE_NAME_MAX];
  struct warmup_place place;
  int avoided; /* a family; 0: none */
};

static void begin_leaving(struct leaving *l, struct dispatcher *d, struct route *route) {
  const struct shaping *s = delivery_shaping(d->loop->delivery);
  const struct shaping_provider *p = site_name_of(s, route, l->site);
  l->dispatcher = d;
  l->route = route;
  l->avoided = 0;
  l->place = (struct warmup_place){route->terms.host ? NULL : l->site, p != &s->rest};
}

static int family_of(const struct source *s) {
  struct sockaddr_storage address;
  return ip_parse(s->address, 0, &address) == OK ? address.ss_family : 0;
}

static int may_leave_from(void *arg, const struct source *s, struct reason *why) {
  const struct leaving *l = arg;
  const struct dispatcher *d = l->dispatcher;
  uint64_t now_ms = clock_monotonic_ms();
  if (l->avoided && family_of(s) == l->avoided) return fail(why, E_DENIED, "the other family is wanted");
  if (!source_usable(d->sources, s->address, now_ms)) return address_away(s->address, why);
  int rc = source_name_allows(d->names, s, now_ms, why);
  return rc == OK ? blocklist_watch_allows(d->blocklists, s, why) : rc;
}

static bool has_room(void *arg, const struct source *s) {
  const struct leaving *l = arg;
  return warmup_watch_room(l->dispatcher->warmups, s, &l->place, clock_now_us()) > 0;
}

static bool has_no_place(void *arg, size_t index) {
  return index >= *(const uint32_t *)arg;
}

/* What there is no room for on this source is cut off, and looks for another: *rest. */
static void leave_from(struct leaving *l, struct job *j, const struct source *s, struct job **rest) {
  struct dispatcher *d = l->dispatcher;
  uint32_t room = warmup_watch_room(d->warmups, s, &l->place, clock_now_us());
  bool cut = j->recipient_count > room;
  if (cut && !(*rest = job_split(j, has_no_place, &room))) {
    outcome_no_memory(d->gateway, j);
    return;
  }
  j->warmup = warmup_watch_take(d->warmups, s, &l->place, (uint32_t)j->recipient_count, clock_now_us());
  hand_over(d, j, l->route, s, l->site);
}

static void wait_for_room(struct leaving *l, struct job *j, const struct source *s) {
  struct incident incident = {.stage = STAGE_ROUTE, .trouble = TROUBLE_WARMUP, .local = true};
  struct reason why;
  incident.retry_us = warmup_watch_put_off(l->dispatcher->warmups, s, &l->place, (uint32_t)j->recipient_count,
                                           clock_now_us(), &why, incident.numbers);
  snprintf(incident.text, sizeof incident.text, "%.250s", why.text);
  rule_at(l->dispatcher, j, &incident, s->address, 0);
}

static unsigned percent_at_site(void *arg, const struct source *s) {
  const struct leaving *l = arg;
  return source_success_percent(l->dispatcher->success, l->site, s->address);
}

static int choose(struct leaving *l, const struct job *j, int avoided, const struct source **out, struct reason *why) {
  struct source_test test = {may_leave_from, has_room, l};
  struct source_scale scale = {percent_at_site, l};
  l->avoided = avoided;
  const struct source_wish wish = {.pool = j->envelope.pool,
                                   .first = j->envelope.sources,
                                   .only = j->envelope.flags & MESSAGE_SOURCES_ONLY,
                                   .kept = j->recipients[0].source,
                                   .message_id = j->envelope.id,
                                   .scale = l->dispatcher->gateway->config->learning ? &scale : NULL};
  return source_choose(l->dispatcher->loop->directory, &wish, l->route, &test, out, why);
}

static bool has_family(const struct route *r, int family) {
  for (size_t i = 0; i < r->host_count; i++)
    for (size_t k = 0; k < r->hosts[i].address_count; k++)
      if (r->hosts[i].addresses[k].ss_family == family) return true;
  return false;
}

/* A site that has both families, and cannot be reached by the one, is by the other, where the pool has it. */
static const struct source *other_family(struct leaving *l, struct job *j, const struct source *source) {
  const struct route *route = l->route;
  const struct outages *known = &l->dispatcher->outages;
  struct reason why;
  const struct source *other = NULL;
  if (!source || !has_family(route, AF_INET) || !has_family(route, AF_INET6)) return source;
  int family = family_of(source), wanted = family == AF_INET ? AF_INET6 : AF_INET;
  int64_t now = clock_now_us();
  if (choose(l, j, family, &other, &why) != OK || !other) return source;
  if (outages_family_waits(known, route->site, wanted, now)) return source;
  j->other_family = !outages_family_waits(known, route->site, family, now);
  return j->other_family ? source : other;
}

/* It goes, waits, or is ruled, but for *rest. */
static void leave(struct leaving *l, struct job *j, struct job **rest) {
  const struct source *source;
  struct reason why;
  *rest = NULL;
  j->other_family = false;
  int rc = choose(l, j, 0, &source, &why);
  if (rc == OK) {
    source = other_family(l, j, source);
    if (probe_admits(l->dispatcher, j, source ? source->address : "", l->route->site)) leave_from(l, j, source, rest);
  } else if (rc == E_BUSY) {
    wait_for_room(l, j, source);
  } else {
    struct incident incident = {.stage = STAGE_ROUTE, .trouble = TROUBLE_SOURCE, .local = true};
    snprintf(incident.text, sizeof incident.text, "%.250s", why.text);
    rule_here(l->dispatcher, j, &incident, 0);
  }
}

static void hand_out(struct dispatcher *d, struct job *j, struct route *route) {
  struct leaving l;
  begin_leaving(&l, d, route);
  for (struct job *rest; j; j = rest) leave(&l, j, &rest);
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
    if (may_route(d, j, route)) hand_out(d, j, route);
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

/* The static route that the job takes; NULL: none, the domain's own exchangers are asked for. */
static const struct static_route *static_route_of(const struct dispatcher *d, const struct job *j) {
  const struct directory *dir = d->loop->directory;
  char sender[DOMAIN_MAX + 1] = "";
  const char *at = strrchr(j->envelope.reverse_path, '@');
  if (!dir->route_count) return NULL;
  if (at && domain_normalize(bytes_of(at + 1), sender) != OK) sender[0] = '\0';
  const struct route_question q = {.to = j->domain, .account = j->envelope.account, .sender = sender};
  return static_route_find(dir->routes, dir->route_count, &q);
}

static void find_route(struct dispatcher *d, struct job *j) {
  if (router_find(d->router, j->domain, static_route_of(d, j), on_route, j) != OK) outcome_no_memory(d->gateway, j);
}

void dispatch_start(struct dispatcher *d, struct queue_lane *lane, struct job *j) {
  j->finish = finish;
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
  warmup_watch_give_back(d->warmups, j->warmup, (uint32_t)j->recipient_count, &j->came, clock_now_us());
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

#include "relay/delivery/site/destination.h"

#include "base/clock.h"
#include "relay/delivery/site/connection.h"
#include "relay/delivery/site/destination_login.h"
#include "relay/delivery/site/site.h"
#include "relay/delivery/site/starved.h"
#include "relay/net/local_address.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define WALKERS_AT_FIRST 2
#define LIMIT_FORGOTTEN 20
#define TERMS_TEXT 64
#define DANE_TEXT 270
#define POLICY_TEXT 16
#define LIMIT_RAISED_AFTER 50 /* good transactions, after the site refused a further connection */

static struct gateway *gateway_of(const struct destination *d) {
  return d->delivery->loop->gateway;
}

static void on_turn(struct deferred *turn);

/* --- life --- */

/* What makes a destination, beside its site. */
struct plan {
  struct route *route;
  const char *source, *helo;
  bool require_tls, plain, tls_optional;
  const struct tried *tried;
};

/* What keeps mail of different routes to one site apart: how they speak to it, and as whom. */
static void write_terms(const struct route_terms *t, char out[TERMS_TEXT]) {
  static const char *const tls[] = {[ROUTE_TLS_MAY] = "", [ROUTE_TLS_NONE] = " NOTLS", [ROUTE_TLS_VERIFY] = " VERIFY"};
  int n = snprintf(out, TERMS_TEXT, "%s%s", tls[t->tls], t->implicit_tls ? " IMPLICIT" : "");
  if (t->login) snprintf(out + n, TERMS_TEXT - (size_t)n, " LOGIN=%lld", (long long)t->by);
}

/* A connection that was held to some hosts' TLSA records is for no mail under others: that for which DANE does not
 * vouch, that of another domain where names count, and what comes once the records have changed. */
static void write_dane(const struct route *r, char out[DANE_TEXT]) {
  unsigned digest = 0;
  bool any = false;
  for (size_t i = 0; i < r->host_count; i++) {
    const struct dane_rules *dane = r->hosts[i].tls.dane;
    digest = digest * 31 + (dane ? dane_rules_digest(dane) + (unsigned)i + 1 : 0);
    any |= dane != NULL;
  }
  out[0] = '\0';
  if (any) snprintf(out, DANE_TEXT, " DANE=%08x", digest);
}

/* Nor is one that is held to a policy, or only tries it, for other mail; for that of other domains, if their policies
 * say the same of the same hosts. */
static void write_policy(const struct route *r, char out[POLICY_TEXT]) {
  unsigned digest = 0;
  bool any = false;
  for (size_t i = 0; i < r->host_count; i++) {
    const struct tls_demand *t = &r->hosts[i].tls;
    bool enforced = t->by == TLS_RULE_STS;
    digest = digest * 31 + (enforced ? 1u : 0u) + (t->sts_testing ? 2u : 0u) + (t->sts_unnamed ? 4u : 0u);
    any |= enforced || t->sts_testing;
  }
  out[0] = '\0';
  if (any) snprintf(out, POLICY_TEXT, " STS=%08x", digest);
}

/* What has one key may share connections, and transactions, whatever its domain: so all that a domain alone can demand
 * is in it. */
static char *make_key(const struct plan *plan) {
  char *key = NULL, *tried = tried_text(plan->tried), terms[TERMS_TEXT], dane[DANE_TEXT], policy[POLICY_TEXT];
  const char *tls = plan->require_tls ? " REQUIRETLS" : plan->plain ? " PLAIN" : "";
  write_terms(&plan->route->terms, terms);
  write_dane(plan->route, dane);
  write_policy(plan->route, policy);
  const char *optional = plan->tls_optional && (*dane || *policy) ? " OPTIONAL" : ""; /* of nothing else */
  if (tried && asprintf(&key, "%s %s%s%s%s%s%s%s", plan->source, plan->route->site, tls, optional, terms, dane, policy,
                        tried) < 0)
    key = NULL;
  free(tried);
  return key;
}

static void destination_free(struct destination *d) {
  loop_defer_cancel(d->delivery->loop, &d->turn);
  if (d->site) site_leave(d);
  if (d->site) site_release(d->site);
  route_release(&d->route);
  free(d->key);
  free(d->helo);
  free(d);
}

static struct destination *destination_new(struct delivery *delivery, char *key, const struct plan *plan) {
  struct destination *d = calloc(1, sizeof *d);
  if (!d) {
    free(key);
    return NULL;
  }
  d->delivery = delivery;
  d->since_ms = clock_monotonic_ms();
  d->key = key;
  d->require_tls = plan->require_tls;
  d->plain = plan->plain;
  d->tls_optional = plan->tls_optional;
  d->tried = *plan->tried;
  d->helo = strdup(plan->helo);
  d->route = route_hold(plan->route);
  d->limit = plan->tried->count ? ONWARD_CONNECTIONS_MAX : SIZE_MAX;
  d->turn.run = on_turn;
  snprintf(d->source_text, sizeof d->source_text, "%s", plan->source);
  d->site = site_hold(delivery, plan->source, plan->route);
  bool good = d->helo && d->site && (!d->source_text[0] || ip_parse(d->source_text, 0, &d->source) == OK);
  if (good) HASH_ADD_KEYPTR(hh, delivery->destinations, d->key, strlen(d->key), d);
  if (good && d->hh.tbl) return d;
  destination_free(d);
  return NULL;
}

static int take(struct delivery *delivery, struct job *j, const struct plan *plan) {
  char *key = make_key(plan);
  if (!key) return E_MEMORY;
  struct destination *d = NULL;
  HASH_FIND_STR(delivery->destinations, key, d);
  if (d) {
    free(key);
    if (d->route != plan->route) { /* a fresh lookup may know better addresses */
      route_release(&d->route);
      d->route = route_hold(plan->route);
    }
  } else {
    d = destination_new(delivery, key, plan);
    if (!d) return E_MEMORY;
  }
  int rc = job_queue_add(&d->queue, j, clock_now_us());
  destination_wake(d); /* also to end it, when it is new and has nothing */
  return rc;
}

static const struct tried nothing_tried;

int destination_take(struct delivery *delivery, struct job *j, struct route *route, const char *source,
                     const char *helo) {
  struct plan plan = {.route = route,
                      .source = source ? source : "",
                      .helo = helo,
                      .require_tls = j->envelope.flags & MESSAGE_REQUIRE_TLS,
                      .tls_optional = j->envelope.flags & MESSAGE_TLS_OPTIONAL,
                      .tried = &nothing_tried};
  return take(delivery, j, &plan);
}

void destination_pass_on(struct destination *d, struct job *j, const struct tried *tried, bool plain) {
  struct plan plan = {.route = d->route,
                      .source = d->source_text,
                      .helo = d->helo,
                      .require_tls = d->require_tls,
                      .plain = plain,
                      .tls_optional = d->tls_optional,
                      .tried = tried};
  if (take(d->delivery, j, &plan) != OK) outcome_no_memory(gateway_of(d), j);
}

void destination_wake(struct destination *d) {
  loop_defer(d->delivery->loop, &d->turn);
}

/* --- jobs --- */

struct job *destination_next_job(struct destination *d) {
  return job_queue_take(&d->queue);
}

void destination_put_back(struct destination *d, struct job *j) {
  if (d->delivery->stopping)
    job_finish(gateway_of(d), j, &(struct job_result){0});
  else if (job_queue_put_back(&d->queue, j) != OK)
    outcome_no_memory(gateway_of(d), j);
  destination_wake(d);
}

/* RFC 8689 5: what has no sender, a bounce mostly, is not lost for want of REQUIRETLS. */
static bool goes_without_tls(struct destination *d, struct job *j) {
  if (j->envelope.reverse_path[0]) return false;
  j->envelope.flags &= ~(unsigned)MESSAGE_REQUIRE_TLS; /* in memory: another attempt requires it again */
  const char *source = d->source_text[0] ? d->source_text : NULL;
  if (destination_take(d->delivery, j, d->route, source, d->helo) != OK) outcome_no_memory(gateway_of(d), j);
  return true;
}

/* Each job is ruled for itself: what another host has put off is not lost because the rest cannot have it. */
void destination_defer_jobs(struct destination *d, const struct incident *incident, const struct outcome_place *where) {
  struct incident own = *incident;
  for (struct job *j = destination_next_job(d); j; j = destination_next_job(d)) {
    own.put_off = j->put_off;
    bool unfit = verdict_of(&own) == VERDICT_BOUNCE; /* the site cannot have it: not that it cannot be reached */
    /* The pause is the domain's, for mail from any source: so not for a fault of this source, and not when some of its
     * hosts were reached. */
    bool pause = !own.local && !unfit && !d->tried.count;
    int64_t not_before = pause ? clock_now_us() + verdict_site_pause(gateway_of(d)->config) : 0;
    if (!unfit || !goes_without_tls(d, j)) outcome_without_attempt(d->delivery->outcomes, j, &own, where, not_before);
  }
}

/* Mail that has waited goes without TLS where nothing but TLS is broken (RFC 7435 3); the rest stays in the queue: its
 * first attempt may have met a passing fault. */
static void go_plain(struct destination *d, const struct incident *incident, const struct outcome_place *where,
                     const struct tried *unreachable) {
  struct job *waiting = NULL, *j, *next;
  for (j = destination_next_job(d); j; j = destination_next_job(d)) DL_APPEND(waiting, j);
  DL_FOREACH_SAFE(waiting, j, next) {
    DL_DELETE(waiting, j);
    j->next = j->prev = NULL;
    if (job_has_waited(j)) {
      outcome_note_walk(j, incident, where);
      destination_pass_on(d, j, unreachable, true);
    } else if (job_queue_add(&d->queue, j, clock_now_us()) != OK) {
      outcome_no_memory(gateway_of(d), j);
    }
  }
}

/* --- a site that takes no connection --- */

static char *down_key(const struct destination *d) {
  char *key;
  return asprintf(&key, "%s %s", d->source_text, d->route->site) < 0 ? NULL : key;
}

void destination_connected(struct destination *d) {
  char *key = downs_any(d->delivery->downs) ? down_key(d) : NULL;
  if (key && downs_answered(d->delivery->downs, key))
    delivery_site_answered(gateway_of(d), d->source_text, d->route->site);
  free(key);
}

/* Nobody there has said a word. */
static bool is_outage(const struct destination *d, const struct incident *i, bool refused) {
  if (i->local || refused || d->tried.count || d->plain) return false;
  if (i->trouble == TROUBLE_NETWORK || i->trouble == TROUBLE_CLOSED) return i->stage <= STAGE_GREETING;
  return i->trouble == TROUBLE_TIMEOUT && i->stage <= STAGE_EHLO;
}

/* When it is probed next; 0: the dispatcher could not be told. */
static int64_t report_outage(struct destination *d, const struct incident *incident,
                             const struct outcome_place *where) {
  char *key = down_key(d);
  int64_t at = key ? downs_failed(d->delivery->downs, key, gateway_of(d)->config, clock_now_us()) : 0;
  const struct site_failure f = {
      .source = d->source_text, .site = d->route->site, .host = where->host, .reason = incident->text, .until_us = at};
  free(key);
  return at && delivery_site_failed(gateway_of(d), &f) ? at : 0;
}

/* The walk was the first one's attempt. What has a reason in the log goes back to wait for the next probe, and what can
 * go by the other family does so at once. */
static bool goes_back(const struct job *j, bool first) {
  return j->again < JOB_AGAIN_MAX && !job_has_domains(j) && (j->other_family || (j->explained && !first));
}

static void wait_for_probe(struct destination *d, const struct incident *incident, const struct outcome_place *where,
                           int64_t at_us) {
  struct incident own = *incident;
  bool first = true;
  own.probe_us = at_us;
  for (struct job *j = destination_next_job(d); j; j = destination_next_job(d), first = false) {
    if (goes_back(j, first)) {
      j->again++;
      job_finish(gateway_of(d), j, &(struct job_result){.again = true});
    } else {
      outcome_without_attempt(d->delivery->outcomes, j, &own, where, 0);
    }
  }
}

static bool waits_for_probe(struct destination *d, const struct incident *incident, const struct outcome_place *where,
                            bool refused) {
  int64_t at = is_outage(d, incident, refused) ? report_outage(d, incident, where) : 0;
  if (at) wait_for_probe(d, incident, where, at);
  return at;
}

void destination_return_overdue(struct destination *d, int64_t now_us) {
  struct incident incident;
  struct outcome_place where = {.host = "", .source = d->source_text, .site = d->site->name, .tls = ""};
  incident_of_deadline(&incident);
  for (struct job *j = job_queue_take_overdue(&d->queue, now_us); j; j = job_queue_take_overdue(&d->queue, now_us))
    outcome_without_attempt(d->delivery->outcomes, j, &incident, &where, 0);
  if (!d->queue.count) destination_wake(d);
}

void destination_walk_failed(struct destination *d, const struct incident *incident, const struct outcome_place *where,
                             const struct tried *tried, bool refused) {
  struct incident own = *incident;
  if (incident->trouble == TROUBLE_TIMEOUT) destination_was_silent(d);
  if (incident->trouble == TROUBLE_LOGIN) {
    destination_login_refused(d, incident, where);
    own.local = true; /* the fault is the route's: the domain's other mail may go another way */
    incident = &own;
  }
  if (d->delivery->stopping || !d->queue.count) return;
  size_t others = d->connection_count - 1; /* the failed one still counts */
  if (!others) {
    struct tried unreachable = tried_but_for_tls(tried);
    if (tried_met_broken_tls(tried) && !d->site->provider->limits.require_tls)
      go_plain(d, incident, where, &unreachable);
    if (!waits_for_probe(d, incident, where, refused)) destination_defer_jobs(d, incident, where);
    return;
  }
  /* Others got through, or are still trying: the site wants fewer of us at once. */
  d->limit = others;
  d->transactions = 0;
}

void destination_transaction_done(struct destination *d) {
  destination_answered(d);
  if (d->limit == SIZE_MAX || ++d->transactions < LIMIT_RAISED_AFTER) return;
  d->transactions = 0;
  if (++d->limit > LIMIT_FORGOTTEN) d->limit = d->tried.count ? ONWARD_CONNECTIONS_MAX : SIZE_MAX;
}

/* --- what there is to do --- */

static void use_idle(struct destination *d) {
  for (struct connection *c = d->connections; c && d->queue.count; c = c->next)
    if (connection_can_work(c)) connection_work(c);
}

static void open_more(struct destination *d) {
  while (d->queue.count > d->walking && d->connection_count < d->limit) {
    size_t ready = d->connection_count - d->walking;
    /* One is enough to find out whether a site answers, while others wait for one. */
    size_t at_first = d->delivery->shares.waiting || d->route->terms.login ? 1 : WALKERS_AT_FIRST;
    bool careful = starved_class(d) != SITE_ANSWERS || (d->route->terms.login && !ready); /* one try at a login */
    if (careful && d->walking >= (ready ? 2 * ready : at_first)) return;
    if (!site_may_connect(d)) return;
    if (!starved_may_open(d)) {
      if (!d->connection_count) starved_add(d);
      return;
    }
    if (!connection_start(d)) {
      struct incident incident = {
          .stage = STAGE_ROUTE, .trouble = TROUBLE_LOCAL, .local = true, .text = "out of memory"};
      struct outcome_place nowhere = {.host = "", .source = d->source_text, .site = d->site->name, .tls = ""};
      if (!d->connection_count) destination_defer_jobs(d, &incident, &nowhere);
      return;
    }
  }
}

static void on_turn(struct deferred *turn) {
  struct destination *d = (struct destination *)((char *)turn - offsetof(struct destination, turn));
  struct delivery *delivery = d->delivery;
  if (!delivery->stopping && delivery_may_start(delivery)) {
    use_idle(d);
    if (destination_login_is_ready(d)) open_more(d);
    d->fed = false;
  }
  bool had_turn = d->site_turn;
  d->site_turn = false;
  if (had_turn) site_feed(d->site); /* the next */
  if (!d->queue.count && !d->connections) {
    starved_remove(d);
    HASH_DEL(delivery->destinations, d);
    destination_free(d);
  }
  starved_feed(delivery);
  delivery_check_stopped(delivery);
}

/* --- the end --- */

void destination_stop(struct destination *d) {
  for (struct job *j = destination_next_job(d); j; j = destination_next_job(d))
    job_finish(gateway_of(d), j, &(struct job_result){0});
  for (struct connection *c = d->connections; c; c = c->next) connection_stop(c);
  destination_wake(d);
}

void destination_abort(struct destination *d) {
  for (struct connection *c = d->connections; c; c = c->next)
    connection_abort(c, TROUBLE_STOPPING, "the gateway is stopping");
}

/* The waiting jobs first, so that a walk that ends has none to speak for. */
void destination_source_gone(struct destination *d) {
  struct incident incident = {.stage = STAGE_ROUTE, .trouble = TROUBLE_SOURCE, .local = true};
  struct outcome_place nowhere = {.host = "", .source = d->source_text, .site = d->site->name, .tls = ""};
  struct reason why;
  address_away(d->source_text, &why);
  snprintf(incident.text, sizeof incident.text, "%.250s", why.text);
  destination_defer_jobs(d, &incident, &nowhere);
  for (struct connection *c = d->connections; c; c = c->next) connection_abort(c, TROUBLE_SOURCE, why.text);
  destination_wake(d);
}

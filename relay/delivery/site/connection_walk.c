/* The walk over a site's hosts, until one is ready (RFC 5321 5.1). */
#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/outcome/story.h"
#include "relay/delivery/route/route_secrets.h"
#include "relay/delivery/site/connection_parts.h"
#include "relay/delivery/site/destination_login.h"
#include "relay/delivery/site/site.h"
#include "relay/delivery/site/starved.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

const struct route_host *connection_host_at(const struct connection *c) {
  return &c->route->hosts[c->order[c->host]];
}

const char *connection_host(const struct connection *c) {
  return connection_host_at(c)->name;
}

const struct tls_demand *connection_host_tls(const struct connection *c) {
  return &connection_host_at(c)->tls;
}

static const struct sockaddr_storage *address_at(const struct connection *c) {
  return &connection_host_at(c)->addresses[c->address];
}

const struct sockaddr *connection_address(const struct connection *c) {
  return (const struct sockaddr *)address_at(c);
}

/* Our source can reach it, and this attempt has not been there. */
static bool is_of_use(const struct destination *d, const struct tried *tried, const struct sockaddr_storage *address) {
  bool family_fits = !d->source_text[0] || d->source.ss_family == address->ss_family;
  return family_fits && !tried_has(tried, address);
}

/* On to the next address; false at the end of the walk. */
static bool next_address(struct connection *c) {
  if (tried_is_full(&c->tried) || clock_now_us() - c->started_us > ATTEMPT_US) return false;
  while (c->host < c->route->host_count) {
    if (c->address >= connection_host_at(c)->address_count) {
      c->host++;
      c->address = 0;
    } else if (is_of_use(c->destination, &c->tried, address_at(c))) {
      return true;
    } else {
      c->address++;
    }
  }
  return false;
}

/* RFC 8461 4.1: a host that its domain's policy does not name is not even connected to. */
static bool host_is_barred(const struct destination *d, const struct route_host *h) {
  return h->tls.by == TLS_RULE_STS && h->tls.sts_unnamed && !d->tls_optional;
}

static bool has_other_address(const struct destination *d, const struct tried *tried) {
  for (size_t i = 0; i < d->route->host_count && !tried_is_full(tried); i++) {
    const struct route_host *h = &d->route->hosts[i];
    for (size_t k = 0; k < h->address_count && !host_is_barred(d, h); k++)
      if (is_of_use(d, tried, &h->addresses[k])) return true;
  }
  return false;
}

bool connection_has_next_host(const struct connection *c, const struct job *j, struct tried *tried, bool *plain) {
  const struct destination *d = c->destination;
  if (d->delivery->stopping || clock_now_us() - j->attempt_us > ATTEMPT_US) return false;
  *tried = connection_walked_for(c, j) ? c->tried : d->tried;
  *plain = d->plain;
  tried_add(tried, address_at(c), false);
  if (has_other_address(d, tried)) return true;
  if (d->require_tls || !job_has_waited(j) || !tried_met_broken_tls(tried)) return false;
  *tried = tried_but_for_tls(tried);
  *plain = true;
  return true;
}

/* What the route logs in with. NULL when it needs no login; E_NOT_FOUND: it was changed or removed meanwhile. */
static int find_login(const struct destination *d, const struct login **login, struct login *room, struct reason *why) {
  const struct route_terms *terms = &d->route->terms;
  *login = NULL;
  if (!terms->login) return OK;
  const struct route_login *found = route_secrets_find(d->delivery->secrets, terms->by);
  if (!found) return fail(why, E_NOT_FOUND, "the route to %.180s was changed meanwhile", d->route->site);
  bool token = found->auth == ROUTE_AUTH_OAUTH2;
  *room = (struct login){.user = found->user,
                         .token = token,
                         .secret = buffer_bytes(&found->of[token ? ROUTE_ACCESS_TOKEN : ROUTE_PASSWORD])};
  *login = room;
  return OK;
}

/* Of the token that it logs in with; 0: with none. */
static int64_t login_token_time(const struct destination *d) {
  const struct route_login *found = route_secrets_find(d->delivery->secrets, d->route->terms.by);
  return found && found->auth == ROUTE_AUTH_OAUTH2 ? found->token_from_us : 0;
}

/* RFC 8689 3: a sender's TLS-Required: No has DANE and MTA-STS ignored, but not what an operator has a route ask for.
 */
static struct tls_demand demand_at(const struct connection *c) {
  const struct tls_demand *own = &connection_host_at(c)->tls;
  return c->destination->tls_optional ? route_terms_demand(&c->route->terms) : *own;
}

/* False: it may be connected to. */
static bool is_barred(struct connection *c) {
  if (!host_is_barred(c->destination, connection_host_at(c))) return false;
  c->incident = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_STS, .tls_enforced = true, .local = true};
  snprintf(c->incident.text, sizeof c->incident.text,
           "%.100s is not of the hosts that the MTA-STS policy of %.100s names", connection_host(c),
           c->route->sts.domain);
  return true;
}

static int open_client(struct connection *c) {
  struct destination *d = c->destination;
  const struct route_terms *terms = &d->route->terms;
  const struct route_host *h = connection_host_at(c);
  const struct sockaddr *target = (const struct sockaddr *)address_at(c);
  char address[IP_TEXT];
  ip_format(target, address);
  snprintf(c->target, sizeof c->target, "%s[%s]:%u", h->name, address, ip_port(target) & 0xffffu);
  if (is_barred(c)) return E_DENIED;
  struct client_plan plan = {
      .source = d->source_text[0] ? (const struct sockaddr *)&d->source : NULL,
      .target = target,
      .host = h->name,
      .helo = d->helo,
      .plain = d->plain,
      .lockstep = host_list_has(d->delivery->lockstep_hosts, h->name, clock_now_us()),
      .require_tls = d->require_tls,
      .no_tls = terms->tls == ROUTE_TLS_NONE,
      .tls = demand_at(c),
      .implicit_tls = terms->implicit_tls,
      .routed = terms->host,
  };
  struct reason why = {0};
  struct login room;
  c->opened_ms = clock_monotonic_ms();
  if (find_login(d, &plan.login, &room, &why) != OK) {
    c->incident = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_LOCAL, .local = true};
    snprintf(c->incident.text, sizeof c->incident.text, "%.250s", why.text);
    return E_DENIED;
  }
  room.host = h->name;
  room.port = ip_port(target);
  c->token_from_us = login_token_time(d);
  int rc = client_open(d->delivery->loop, &plan, &connection_client_calls, c, &c->client, &why);
  if (rc != OK) {
    enum trouble trouble = rc == E_NOT_FOUND ? TROUBLE_SOURCE : TROUBLE_NETWORK;
    c->incident = (struct incident){.stage = STAGE_CONNECT, .trouble = trouble, .local = true};
    snprintf(c->incident.text, sizeof c->incident.text, "%.250s", why.text);
  }
  return rc;
}

/* --- failures --- */

/* Of those before it, one is kept apart as what the walk may end with. */
static void failure_to_story(struct connection *c) {
  if (c->failure.trouble != TROUBLE_NONE) story_add_incident(&c->walked, c->failed_target, &c->failure);
  c->failure.trouble = TROUBLE_NONE;
}

static bool may_pass(const struct incident *i) {
  return verdict_of(i) != VERDICT_BOUNCE;
}

static bool is_broken_tls(const struct connection *c) {
  return !c->destination->require_tls && verdict_of(&c->incident) == VERDICT_PLAIN;
}

static bool is_of_a_barred_host(const struct incident *i) {
  return i->trouble == TROUBLE_STS && i->stage == STAGE_ROUTE;
}

/* Does the failure before it say more of what becomes of the mail? What a host permanently lacks says nothing of one
 * that could not be reached, and a host that may not be used nothing of any other. */
static bool says_less(const struct incident *i, const struct incident *before) {
  if (before->trouble == TROUBLE_NONE || is_of_a_barred_host(before)) return false;
  return is_of_a_barred_host(i) || (may_pass(before) && !may_pass(i));
}

/* The address at hand is of no use. */
static void note_failure(struct connection *c) {
  if (is_broken_tls(c))
    log_event(LOG_WARN_, NULL, "tls failed", "host", c->target, "reason", c->incident.text, "next",
              "another host; without TLS only what has waited", NULL);
  tried_add(&c->tried, address_at(c), is_broken_tls(c));
  if (says_less(&c->incident, &c->failure)) {
    story_add_incident(&c->walked, c->target, &c->incident);
    return;
  }
  failure_to_story(c);
  c->failure = c->incident;
  snprintf(c->failed_target, sizeof c->failed_target, "%s", c->target);
}

void connection_walk_ends(struct connection *c) {
  c->ready_us = clock_now_us();
  failure_to_story(c);
}

bool connection_walked_for(const struct connection *c, const struct job *j) {
  return j->attempt_us - c->ready_us < WALK_FRESH_US;
}

static void walk_failed(struct connection *c) {
  struct destination *d = c->destination;
  const struct incident *incident = c->failure.trouble != TROUBLE_NONE ? &c->failure : &c->incident;
  struct outcome_place where = {.host = c->failed_target, .source = d->source_text, .tls = "", .before = c->walked};
  if (c->incident.trouble != TROUBLE_LOGIN) /* which says nothing of how much the site takes */
    site_hear_no_host(d->site, &c->incident, c->refused, d->connection_count - d->walking);
  d->walking--;
  c->phase = CONNECTION_ENDING;
  if (incident->trouble == TROUBLE_LOGIN && destination_token_refused(d, incident, c->token_from_us)) {
    connection_gone(c);
    return;
  }
  destination_walk_failed(d, incident, &where, &c->tried);
  connection_gone(c);
}

/* --- the walk --- */

/* Opens a client to the next address that one can be opened to; false at the end of the walk. */
static bool open_next(struct connection *c) {
  while (!connection_delivery(c)->stopping && c->destination->queue.count && !c->incident.site_wide &&
         starved_walk_may_go_on(c) && next_address(c)) {
    if (open_client(c) == OK) return true;
    note_failure(c);
  }
  return false;
}

/* Another address of the host has the same users, and would only count one more failure. */
static bool ends_the_walk(const struct incident *i) {
  return i->trouble == TROUBLE_LOGIN;
}

void connection_walk(struct connection *c) {
  connection_trial_failed(c);
  c->refused |= site_hear_opening(c->destination->site, &c->incident);
  note_failure(c);
  if (ends_the_walk(&c->incident) || !open_next(c)) walk_failed(c);
}

/* RFC 5321 5.1: hosts of equal preference are taken in random order. */
static void shuffle(struct connection *c) {
  const struct route *r = c->route;
  for (size_t i = 0; i < r->host_count; i++) {
    uint32_t random;
    random_bytes(&random, sizeof random);
    size_t equals = 0; /* before i, of the same preference */
    while (equals < i && r->hosts[i - equals - 1].preference == r->hosts[i].preference) equals++;
    size_t at = i - random % (equals + 1);
    c->order[i] = c->order[at];
    c->order[at] = i;
  }
}

bool connection_start(struct destination *d) {
  struct shares *shares = &d->delivery->shares;
  const struct job *j = job_queue_first(&d->queue);
  struct connection *c = calloc(1, sizeof *c);
  if (c) c->share = shares_of(shares, j ? j->envelope.account : "");
  if (!c || !c->share) {
    free(c);
    return false;
  }
  c->class = starved_class(d);
  share_take(shares, c->share, c->class);
  _Static_assert(sizeof c->order / sizeof *c->order >= 20, "as many as a route has hosts");
  c->destination = d;
  c->route = route_hold(d->route);
  if (j) connection_report_for(c, j);
  c->tried = d->tried;
  c->started_us = clock_now_us();
  shuffle(c);
  DL_APPEND(d->connections, c);
  site_connect_begins(d->site, c);
  d->connection_count++;
  d->walking++;
  c->incident = (struct incident){.stage = STAGE_ROUTE,
                                  .trouble = TROUBLE_SOURCE,
                                  .local = true,
                                  .text = "no address of the site is of the source's family (IPv4, IPv6)"};
  if (!open_next(c)) walk_failed(c);
  return true;
}

/* The walk over a site's hosts, until one is ready (RFC 5321 5.1). */
#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/outcome/story.h"
#include "relay/delivery/site/connection_parts.h"
#include "relay/delivery/site/destination_login.h"
#include "relay/delivery/site/reach.h"
#include "relay/delivery/site/site.h"
#include "relay/delivery/site/starved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

const struct route_host *connection_host_at(const struct connection *c) {
  return &c->route->hosts[c->place.host];
}

const char *connection_host(const struct connection *c) {
  return connection_host_at(c)->name;
}

const struct tls_demand *connection_host_tls(const struct connection *c) {
  return &connection_host_at(c)->tls;
}

static const struct sockaddr_storage *address_at(const struct connection *c, size_t at) {
  const struct address_place *p = &c->order.at[at];
  return &c->route->hosts[p->host].addresses[p->address];
}

static bool family_fits(const struct destination *d, const struct sockaddr_storage *address) {
  return !d->source_text[0] || d->source.ss_family == address->ss_family;
}

/* Our source can reach it, and this attempt has not been there. */
static bool is_of_use(const struct destination *d, const struct tried *tried, const struct sockaddr_storage *address) {
  return family_fits(d, address) && !tried_has(tried, address);
}

/* Two hosts may have one address. */
static bool is_called(const struct connection *c, const struct sockaddr_storage *address) {
  return c->call && memcmp(address_at(c, c->call->at), address, sizeof *address) == 0;
}

bool connection_next_place(struct connection *c, size_t *at) {
  if (tried_is_full(&c->tried) || clock_now_us() - c->started_us > ATTEMPT_US) return false;
  for (; c->next_place < c->order.count; c->next_place++) {
    const struct sockaddr_storage *address = address_at(c, c->next_place);
    if (tried_has(&c->tried, address) || is_called(c, address)) continue;
    *at = c->next_place;
    return true;
  }
  return false;
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
  tried_add(tried, connection_address(c), false);
  if (has_other_address(d, tried)) return true;
  if (d->require_tls || !job_has_waited(j) || !tried_met_broken_tls(tried)) return false;
  *tried = tried_but_for_tls(tried);
  *plain = true;
  return true;
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

/* It takes no connection, or keeps those that it takes waiting: others go before it for a while. */
static bool is_dead(const struct incident *i) {
  if (i->trouble == TROUBLE_NETWORK) return i->stage == STAGE_CONNECT && !i->local;
  return i->trouble == TROUBLE_TIMEOUT && i->stage <= STAGE_EHLO;
}

void connection_note_failure(struct connection *c, size_t at) {
  if (is_broken_tls(c))
    log_event(LOG_WARN_, NULL, "tls failed", "host", c->target, "reason", c->incident.text, "next",
              "another host; without TLS only what has waited", NULL);
  tried_add(&c->tried, address_at(c, at), is_broken_tls(c));
  if (is_dead(&c->incident)) reach_note_failed(c->destination, address_at(c, at));
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
  struct outcome_place where = {
      .host = c->failed_target, .source = d->source_text, .site = d->site->name, .tls = "", .before = c->walked};
  if (c->incident.trouble != TROUBLE_LOGIN) /* which says nothing of how much the site takes */
    site_hear_no_host(d->site, &c->incident, c->refused, d->connection_count - d->walking);
  d->walking--;
  c->phase = CONNECTION_ENDING;
  if (incident->trouble == TROUBLE_LOGIN && destination_token_refused(d, incident, c->token_from_us)) {
    connection_gone(c);
    return;
  }
  destination_walk_failed(d, incident, &where, &c->tried, c->refused);
  connection_gone(c);
}

/* --- the walk --- */

static bool may_go_on(const struct connection *c) {
  return !connection_delivery(c)->stopping && c->destination->queue.count && !c->incident.site_wide &&
         starved_walk_may_go_on(c);
}

/* Calls the next address that a call can be made to; false at the end of the walk. */
static bool open_next(struct connection *c) {
  size_t at;
  while (may_go_on(c) && connection_next_place(c, &at)) {
    struct call *call;
    c->next_place = at + 1;
    if (connection_call(c, at, &call) == OK) {
      connection_adopt(c, call);
      race_begin(c);
      return true;
    }
    connection_note_failure(c, at);
  }
  return false;
}

/* Another address of the host has the same users, and would only count one more failure. */
static bool ends_the_walk(const struct incident *i) {
  return i->trouble == TROUBLE_LOGIN;
}

/* The call is no more the connection's. What was called beside it is at hand then. */
static void take_away(struct connection *c, struct call *call) {
  if (call == c->rival) {
    c->rival = NULL;
  } else {
    struct call *rival = c->rival;
    c->rival = NULL;
    connection_adopt(c, rival);
  }
  call_free(call);
}

static void note_failed_call(struct connection *c, const struct call *call) {
  if (call == c->call) connection_trial_failed(c);
  snprintf(c->target, sizeof c->target, "%s", call->target);
  c->token_from_us = call->token_from_us;
  c->refused |= site_hear_opening(c->destination->site, &c->incident);
  connection_note_failure(c, call->at);
}

/* The same address comes next: TLS resumes no session with it for a while (TLS_TICKETS_BARRED_MS). */
static void forgive_resumption(struct connection *c, const struct call *call) {
  log_event(LOG_INFO_, NULL, "tls session not resumed", "host", call->target, "reason", c->incident.text, "next",
            "a new connection with a whole handshake", NULL);
  if (call->at < c->next_place) c->next_place = call->at;
}

void connection_walk(struct connection *c, struct call *call) {
  if (c->incident.resuming)
    forgive_resumption(c, call);
  else
    note_failed_call(c, call);
  take_away(c, call);
  if (c->call) {
    snprintf(c->target, sizeof c->target, "%s", c->call->target);
    race_open(c);
  } else {
    race_end(c);
    if (ends_the_walk(&c->incident) || !open_next(c)) walk_failed(c);
  }
}

/* What lost may still be tried, should this host come to nothing. */
static void lose(struct connection *c, struct call **loser, const struct call *winner) {
  if ((*loser)->at < winner->at) reach_note_slow(c->destination, address_at(c, (*loser)->at));
  if ((*loser)->at < c->next_place) c->next_place = (*loser)->at;
  call_drop(loser);
}

void connection_connected(struct connection *c, struct call *call) {
  race_end(c);
  reach_note_connected(c->destination, address_at(c, call->at));
  if (call == c->rival) {
    lose(c, &c->call, call);
    c->rival = NULL;
    connection_adopt(c, call);
  } else if (c->rival) {
    lose(c, &c->rival, call);
  }
}

/* --- its beginning --- */

static bool may_be_called(const void *arg, const struct sockaddr_storage *address) {
  const struct connection *c = arg;
  return is_of_use(c->destination, &c->destination->tried, address);
}

static enum address_grade grade_of(const void *arg, const struct sockaddr_storage *address) {
  const struct connection *c = arg;
  return reach_grade(c->destination, address);
}

/* In haste where its mail could go by the other of IPv4 and IPv6, too. */
static uint64_t connect_time(const struct connection *c, const struct job *j) {
  if (j && j->other_family) return HASTY_CONNECT_MS;
  return address_order_connect_ms(&c->order, c->route, TRIED_MAX - c->tried.count, WALK_CONNECT_MS, CONNECT_LEAST_MS);
}

static uint32_t any_number(void) {
  uint32_t random;
  random_bytes(&random, sizeof random);
  return random;
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
  c->destination = d;
  c->route = route_hold(d->route);
  if (j) connection_report_for(c, j);
  c->tried = d->tried;
  c->started_us = clock_now_us();
  address_order_make(&c->order, c->route, &(struct address_knowledge){may_be_called, grade_of, any_number, c});
  c->connect_ms = connect_time(c, j);
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

/* A connection's jobs, from the destination's queue to their outcomes, and its end. */
#include "relay/delivery/site/connection_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/site/destination_login.h"
#include "relay/delivery/site/idle.h"
#include "relay/delivery/site/job_fit.h"
#include "relay/delivery/site/site.h"
#include "relay/delivery/site/site_learn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* The one end of a connection. */
void connection_gone(struct connection *c) {
  struct destination *d = c->destination;
  connection_end_pace(c);
  race_end(c);
  idle_ends(c);
  idle_gave_way(c);
  site_connect_ends(d->site, c);
  if (c->phase == CONNECTION_WALKING) d->walking--;
  DL_DELETE(d->connections, c);
  d->connection_count--;
  share_give(&d->delivery->shares, c->share, c->class);
  route_release(&c->route);
  free(c->walked);
  free(c->report_domain);
  free(c);
  destination_wake(d);
}

/* --- the site's pace --- */

static void begin_pace(struct connection *c) {
  c->paced = true;
  c->paced_us = site_now();
  c->sign = PACE_NEUTRAL;
  site_message_begins(c->destination->site);
}

void connection_end_pace(struct connection *c) {
  if (!c->paced) return;
  c->paced = false;
  site_message_ends(c->destination->site, c->sign, c->jobs_done, c->paced_us);
}

/* Of what the recipients of a message are told, the worst counts. */
static void note_sign(struct connection *c, enum pace_sign sign) {
  static const int weight[] = {
      [PACE_NEUTRAL] = 0, [PACE_ACCEPTED] = 1, [PACE_DEFERRED] = 2, [PACE_SLOW] = 3, [PACE_CLOSED] = 4};
  if (weight[sign] > weight[c->sign]) c->sign = sign;
}

/* --- work --- */

/* Where the work was done, for the log. */
static struct outcome_place place_of(const struct connection *c, const struct job *j) {
  return (struct outcome_place){.host = c->target,
                                .source = c->source,
                                .site = c->destination->site->name,
                                .tls = c->tls,
                                .before = connection_walked_for(c, j) ? c->walked : NULL,
                                .tls_facts = c->tls_facts};
}

static void note_domains(struct connection *c, size_t index, struct incident *i) {
  const struct job *j = c->outcome->job;
  i->joined = !j->alone && job_has_domains(j);
  i->other_domain = i->joined && strcmp(job_domain(j, index), job_domain(j, 0)) != 0;
  if (!verdict_parts_domains(i)) return;
  c->parted = true;
  if (verdict_wants_one_domain(i))
    host_list_add(connection_delivery(c)->one_domain_hosts, connection_host(c), clock_now_us());
}

static void rule(struct connection *c, size_t index, const struct incident *incident) {
  struct incident own = *incident;
  own.put_off = c->outcome->job->put_off;
  struct site *site = c->destination->site;
  const struct job *j = c->outcome->job;
  note_domains(c, index, &own);
  if (!verdict_wants_one_domain(&own)) { /* which says nothing of how much the site takes, nor when */
    bool refused = own.trouble != TROUBLE_NONE;
    bool waited = refused && job_has_waited(j) && !site_learn_came_early(site, j, index, c->paced_us);
    note_sign(c, site_hear(site, &own, waited));
    if (refused) site_learn_retry(site, j, index, &own);
  }
  enum verdict verdict = verdict_of(&own);
  if (verdict == VERDICT_AGAIN && c->outcome->job->returned < JOB_RETURNS_MAX) return;
  outcome_rule(c->outcome, index, &own);
  c->outcome->rulings[index].onward = verdict == VERDICT_NEXT_HOST;
}

void connection_rule_rest(struct connection *c, const struct incident *incident) {
  for (size_t i = 0; i < c->outcome->job->recipient_count; i++)
    if (!c->outcome->rulings[i].set) rule(c, i, incident);
}

static bool has_no_ruling(const struct ruling *r) { /* VERDICT_AGAIN, or nothing happened at all */
  return !r->set;
}

static bool is_not_of_the_first(void *arg, size_t index) {
  const struct job *j = arg;
  return strcmp(job_domain(j, index), job_domain(j, 0)) != 0;
}

/* Each domain by itself. Without memory for that they stay together. */
static void part(struct connection *c, struct job *j) {
  while (job_has_domains(j)) {
    struct job *rest = job_split(j, is_not_of_the_first, j);
    if (!rest) break;
    j->alone = true;
    destination_put_back(c->destination, j);
    j = rest;
  }
  j->alone = true;
  destination_put_back(c->destination, j);
}

static void put_back(struct connection *c, struct outcome **o) {
  struct job *back = outcome_take(o, has_no_ruling);
  if (!back) return;
  back->returned++;
  if (c->parted)
    part(c, back);
  else
    destination_put_back(c->destination, back);
}

static bool goes_onward(const struct ruling *r) {
  return r->onward;
}

/* RFC 5321 5.1: what this host put off, in the same attempt to the next. True: it does go on. */
static bool pass_on(struct connection *c, struct outcome **o) {
  struct tried tried;
  bool plain;
  struct outcome_place where = place_of(c, (*o)->job);
  if (!connection_has_next_host(c, (*o)->job, &tried, &plain)) return false;
  outcome_note_onward(*o, &where);
  struct job *onward = outcome_take(o, goes_onward);
  if (!onward) return false;
  onward->put_off = true;
  destination_pass_on(c->destination, onward, &tried, plain);
  return true;
}

/* The end of a transaction: what has no ruling goes back to the queue, what was put off to another host, and the rest
 * into the store. */
void connection_end_work(struct connection *c) {
  struct outcome *o = c->outcome;
  c->outcome = NULL;
  if (c->load) content_load_forget(c->load);
  c->load = NULL;
  seven_bit_forget(&c->seven_bit);
  put_back(c, &o);
  /* Another host may take it: what they all say in the end is what the site says. */
  if (o && pass_on(c, &o)) c->sign = PACE_NEUTRAL;
  int64_t began_us = c->paced ? c->paced_us : 0;
  connection_end_pace(c);
  if (!o) return;
  outcome_rule_rest(o, &c->incident); /* without memory to take them back they wait */
  if (began_us) site_learn_outcome(c->destination->site, o, began_us);
  struct outcome_place where = place_of(c, o->job);
  outcome_commit(o, &where, 0);
}

/* No command was sent: this job ends, for the reason in `incident`, and the next may come. */
void connection_end_unsent(struct connection *c) {
  connection_rule_rest(c, &c->incident);
  connection_end_work(c);
  c->phase = CONNECTION_IDLE;
  connection_work(c);
}

/* What this host cannot take together with the rest. */
static void cut_to_fit(struct connection *c, struct job *j) {
  const struct ehlo *offers = client_offers(c->client);
  struct incident why = {.stage = STAGE_IDLE, .put_off = j->put_off};
  struct job *unfit = job_take_unfit(j, offers, &why);
  struct outcome_place where = place_of(c, j);
  if (unfit) outcome_without_attempt(connection_delivery(c)->outcomes, unfit, &why, &where, 0);
  struct job *excess = job_take_excess(j, offers);
  if (excess) destination_put_back(c->destination, excess);
}

/* Recipients of the same message at other domains that wait here: they have the same next hop, on the same terms. */
static void join_domains(struct connection *c, struct job *j) {
  size_t most = client_offers(c->client)->recipient_max; /* RFC 9422 4.2 */
  struct job_queue *q = &c->destination->queue;
  struct job *other;
  if (j->alone || host_list_has(connection_delivery(c)->one_domain_hosts, connection_host(c), clock_now_us())) return;
  if (!most || most > JOB_RECIPIENTS_MAX) most = JOB_RECIPIENTS_MAX;
  while (j->recipient_count < most && (other = job_queue_take_same(q, j, most)))
    if (!job_join(j, &other)) {
      destination_put_back(c->destination, other);
      return;
    }
}

/* True: the connection is busy with it. False: this job is done with already. */
static bool take_job(struct connection *c, struct job *j) {
  join_domains(c, j);
  c->parted = false;
  if (!j->attempt_us) j->attempt_us = clock_now_us();
  cut_to_fit(c, j);
  c->outcome = outcome_prepare(connection_delivery(c)->outcomes, j);
  if (!c->outcome) {
    outcome_no_memory(connection_delivery(c)->loop->gateway, j);
    return false;
  }
  c->transaction = (struct client_transaction){
      .envelope = j->envelope, .recipients = j->recipients, .recipient_count = j->recipient_count};
  if (client_check(c->client, &c->transaction, &c->incident) != OK) {
    connection_rule_rest(c, &c->incident);
    connection_end_work(c);
    return false;
  }
  begin_pace(c);
  connection_load(c);
  return true;
}

bool connection_can_work(const struct connection *c) {
  return c->phase == CONNECTION_IDLE && client_is_ready(c->client);
}

static void quit(struct connection *c) {
  idle_ends(c);
  c->phase = CONNECTION_ENDING;
  client_quit(c->client);
}

void connection_work(struct connection *c) {
  uint64_t most = client_offers(c->client)->mail_max; /* RFC 9422 4.1 */
  uint64_t borne = pace_messages_of_connection(&c->destination->site->pace, site_now());
  if (!most || most > borne) most = borne;
  if (connection_delivery(c)->stopping || c->jobs_done >= most) {
    quit(c);
    return;
  }
  while (connection_can_work(c)) {
    bool may = c->destination->queue.count && site_may_send(c->destination);
    struct job *j = may && delivery_may_start(connection_delivery(c)) ? destination_next_job(c->destination) : NULL;
    if (j) turn_time_note(&c->destination->turn_time, site_now(), c->destination->queue.count);
    if (!j) {
      client_idle(c->client, CONNECTION_IDLE_MS);
      idle_begins(c);
      return;
    }
    idle_ends(c);
    if (take_job(c, j)) return;
  }
}

/* --- the client's calls --- */

/* The provider is known to have TLS: a session without it is not with the provider, or not with it alone. */
static bool lacks_tls(struct connection *c) {
  return c->destination->site->provider->limits.require_tls && !client_tls_text(c->client)[0];
}

static void on_connected(void *owner) {
  struct call *call = owner;
  connection_connected(call->connection, call);
}

static void on_ready(void *owner) {
  struct connection *c = ((struct call *)owner)->connection;
  if (lacks_tls(c)) { /* on to the next host */
    client_abort(c->client, TROUBLE_TLS, "there is no TLS, which this provider has (require_tls in shaping.conf),");
    return;
  }
  c->phase = CONNECTION_IDLE;
  c->destination->walking--;
  site_connect_done(c->destination->site);
  destination_connected(c->destination);
  connection_walk_ends(c);
  destination_logged_in(c->destination);
  snprintf(c->tls, sizeof c->tls, "%s", client_tls_text(c->client));
  c->tls_facts = client_tls_facts(c->client);
  connection_trial_ends(c);
  ip_format(client_local(c->client), c->source);
  connection_work(c);
  destination_wake(c->destination); /* more connections may be opened now */
}

static void on_recipient(void *owner, size_t index, const struct incident *incident) {
  struct connection *c = ((struct call *)owner)->connection;
  c->incident = *incident;
  rule(c, index, incident);
}

/* It gives back what the sites that are not known to answer share. */
static void count_as_answering(struct connection *c) {
  struct shares *s = &connection_delivery(c)->shares;
  if (c->class == SITE_ANSWERS) return;
  share_take(s, c->share, SITE_ANSWERS);
  share_give(s, c->share, c->class);
  c->class = SITE_ANSWERS;
  if (s->waiting) destination_wake(c->destination); /* somebody's turn */
}

static void on_transaction(void *owner) {
  struct connection *c = ((struct call *)owner)->connection;
  c->phase = CONNECTION_IDLE;
  connection_end_work(c);
  c->jobs_done++;
  destination_transaction_done(c->destination);
  count_as_answering(c);
  connection_work(c);
}

static void remember_broken_pipelining(struct connection *c) {
  log_event(LOG_WARN_, NULL, "pipelining failed", "host", c->target, "reason", c->incident.text, "next",
            "one command at a time, for an hour", NULL);
  host_list_add(connection_delivery(c)->lockstep_hosts, connection_host(c), clock_now_us());
}

/* The host at hand has closed, and there is work for it no more. */
static void host_gone(struct connection *c, const struct incident *incident) {
  if (verdict_wants_lockstep(incident)) remember_broken_pipelining(c);
  if (incident->trouble == TROUBLE_TIMEOUT) destination_was_silent(c->destination);
  if (c->outcome) connection_end_work(c);
  c->phase = CONNECTION_ENDING;
  connection_gone(c);
}

static void on_closed(void *owner, const struct incident *incident) {
  struct call *call = owner;
  struct connection *c = call->connection;
  call->client = NULL;
  if (c) c->incident = *incident;
  if (c && c->phase == CONNECTION_WALKING) {
    connection_walk(c, call);
    return;
  }
  if (c) connection_adopt(c, NULL);
  if (c) host_gone(c, incident);
  call_free(call);
}

const struct client_owner connection_client_calls = {on_connected, connection_on_tls, on_ready,
                                                     on_recipient, on_transaction,    on_closed};

/* --- the end --- */

void connection_stop(struct connection *c) {
  if (c->rival) call_drop(&c->rival);
  if (connection_can_work(c))
    quit(c);
  else if (c->phase == CONNECTION_WALKING && c->client)
    client_abort(c->client, TROUBLE_STOPPING, "the gateway is stopping");
}

void connection_abort(struct connection *c, enum trouble trouble, const char *text) {
  if (c->rival) call_drop(&c->rival);
  if (c->client) client_abort(c->client, trouble, text);
}

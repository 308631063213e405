#include "relay/delivery/site/connection.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/site/job_fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

static void walk(struct connection *c);

static struct delivery *delivery_of(const struct connection *c) {
  return c->destination->delivery;
}

/* The one end of a connection. */
static void gone(struct connection *c) {
  struct destination *d = c->destination;
  if (c->phase == CONNECTION_WALKING) d->walking--;
  DL_DELETE(d->connections, c);
  d->connection_count--;
  d->delivery->connections--;
  route_release(&c->route);
  free(c);
  destination_wake(d);
}

/* --- work --- */

/* Where the work was done, for the log. */
static struct outcome_place place_of(const struct connection *c) {
  return (struct outcome_place){.host = c->target, .source = c->source, .tls = c->tls};
}

/* The recipients that have no ruling (VERDICT_AGAIN), as a job; NULL: there are none, or no memory to take them out.
 * When none has one, nothing happened at all, and the outcome ends. */
static struct job *take_unruled(struct outcome **o) {
  for (size_t i = 0; i < (*o)->job->recipient_count; i++)
    if ((*o)->rulings[i].set) return outcome_take_back(*o);
  return outcome_cancel(o);
}

/* The end of a transaction: what has no ruling goes back to the queue, the rest into the store. */
static void end_work(struct connection *c) {
  struct outcome *o = c->outcome;
  c->outcome = NULL;
  if (c->load) content_load_forget(c->load);
  c->load = NULL;
  seven_bit_forget(&c->seven_bit);
  struct job *back = take_unruled(&o);
  if (back) {
    back->returned++;
    destination_put_back(c->destination, back);
  }
  if (!o) return;
  outcome_rule_rest(o, &c->incident); /* without memory to take them back they wait */
  struct outcome_place where = place_of(c);
  outcome_commit(o, &where, 0);
}

/* No command was sent: this job ends, for the reason in `incident`, and the next may come. */
static void end_unsent(struct connection *c) {
  outcome_rule_rest(c->outcome, &c->incident);
  end_work(c);
  c->phase = CONNECTION_IDLE;
  connection_work(c);
}

static void begin(struct connection *c, struct content_feed *feed) {
  if (!feed) {
    c->incident = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_LOCAL, .text = "out of memory"};
    outcome_rule_rest(c->outcome, &c->incident);
    end_work(c);
    destination_wake(c->destination);
    c->phase = CONNECTION_IDLE;
    client_idle(c->client, CONNECTION_IDLE_MS);
    return;
  }
  if (!client_is_ready(c->client)) { /* closed while the content was read: on_closed comes, and puts the job back */
    content_feed_free(&feed);
    return;
  }
  c->phase = CONNECTION_SENDING;
  client_begin(c->client, &c->transaction, feed);
}

/* --- the content --- */

static void cannot_convert(struct connection *c, const struct seven_bit_result *r) {
  bool never = r->result == E_DENIED;
  c->incident = (struct incident){.stage = STAGE_IDLE,
                                  .trouble = never ? TROUBLE_NO_8BITMIME : TROUBLE_LOCAL,
                                  .enhanced = never ? mime_obstacle_enhanced(r->obstacle) : NULL};
  const char *why = r->why.text[0] ? r->why.text : result_text(r->result);
  if (never)
    snprintf(c->incident.text, sizeof c->incident.text,
             "the message has 8-bit content, the host does not offer 8BITMIME, and it cannot be converted: %.120s",
             mime_obstacle_text(r->obstacle));
  else
    snprintf(c->incident.text, sizeof c->incident.text, "the message cannot be converted to 7 bits: %.180s", why);
  end_unsent(c);
}

static void on_seven_bit(void *arg, struct seven_bit_result *r) {
  struct connection *c = arg;
  c->seven_bit = NULL;
  if (r->result != OK) {
    cannot_convert(c, r);
    return;
  }
  c->transaction.envelope.flags &= ~(unsigned)MESSAGE_8BIT;
  c->transaction.envelope.size = r->octets;
  if (client_check(c->client, &c->transaction, &c->incident) != OK) { /* it has grown */
    end_unsent(c);
    return;
  }
  struct content_feed *feed = r->feed;
  r->feed = NULL;
  begin(c, feed);
}

static void convert(struct connection *c, struct loaded *loaded) {
  struct job *j = c->outcome->job;
  struct conversion_source from = {.content = j->content, .fd = -1, .unsign = true};
  if (!j->content) {
    from.prefix = &loaded->prefix;
    from.fd = loaded->fd;
  }
  c->phase = CONNECTION_CONVERTING;
  client_idle(c->client, 0);
  c->seven_bit = seven_bit_start(delivery_of(c)->loop, &from, on_seven_bit, c);
  if (!c->seven_bit)
    begin(c, NULL);
  else if (!j->content)
    loaded->fd = -1;
}

static struct content_feed *feed_of(struct connection *c, struct loaded *loaded) {
  struct loop *loop = delivery_of(c)->loop;
  struct job *j = c->outcome->job;
  if (j->content) return content_feed_of_memory(loop, j->content);
  struct content_feed *feed = content_feed_of_file(loop, &loaded->prefix, loaded->fd);
  if (feed) loaded->fd = -1;
  return feed;
}

/* The content is in the job or, in a file, in `loaded`. */
static void have_content(struct connection *c, struct loaded *loaded) {
  if (client_is_ready(c->client) && client_wants_seven_bit(c->client, &c->transaction))
    convert(c, loaded);
  else
    begin(c, feed_of(c, loaded));
}

static void on_loaded(void *arg, struct loaded *loaded) {
  struct connection *c = arg;
  c->load = NULL;
  if (loaded->result == OK) {
    c->outcome->job->content = loaded->content; /* kept with the job: a notice may need its header */
    loaded->content = NULL;
    have_content(c, loaded);
    return;
  }
  c->phase = CONNECTION_IDLE;
  if (loaded->result == E_NOT_FOUND) { /* dropped by command meanwhile */
    job_finish(delivery_of(c)->loop->gateway, outcome_cancel(&c->outcome), &(struct job_result){0});
  } else {
    c->incident = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_LOCAL};
    snprintf(c->incident.text, sizeof c->incident.text, "the message cannot be read: %.200s", loaded->why.text);
    end_unsent(c);
    return;
  }
  connection_work(c);
}

static void load(struct connection *c) {
  struct job *j = c->outcome->job;
  if (j->content) {
    have_content(c, NULL);
    return;
  }
  c->phase = CONNECTION_LOADING;
  client_idle(c->client, 0);
  c->load = content_load(delivery_of(c)->loader, j->envelope.id, j->envelope.flags, LOAD_MESSAGE, on_loaded, c);
  if (!c->load) begin(c, NULL);
}

/* What this host cannot take together with the rest. */
static void cut_to_fit(struct connection *c, struct job *j) {
  const struct ehlo *offers = client_offers(c->client);
  struct incident why = {.stage = STAGE_IDLE};
  struct job *unfit = job_take_unfit(j, offers, &why);
  struct outcome_place where = place_of(c);
  if (unfit) outcome_without_attempt(delivery_of(c)->outcomes, unfit, &why, &where, 0);
  struct job *excess = job_take_excess(j, offers);
  if (excess) destination_put_back(c->destination, excess);
}

/* True: the connection is busy with it. False: this job is done with already. */
static bool take_job(struct connection *c, struct job *j) {
  cut_to_fit(c, j);
  c->outcome = outcome_prepare(delivery_of(c)->outcomes, j);
  if (!c->outcome) {
    outcome_no_memory(delivery_of(c)->loop->gateway, j);
    return false;
  }
  c->transaction = (struct client_transaction){
      .envelope = j->envelope, .recipients = j->recipients, .recipient_count = j->recipient_count};
  if (client_check(c->client, &c->transaction, &c->incident) != OK) {
    outcome_rule_rest(c->outcome, &c->incident);
    end_work(c);
    return false;
  }
  load(c);
  return true;
}

bool connection_can_work(const struct connection *c) {
  return c->phase == CONNECTION_IDLE && client_is_ready(c->client);
}

static void quit(struct connection *c) {
  c->phase = CONNECTION_ENDING;
  client_quit(c->client);
}

void connection_work(struct connection *c) {
  uint64_t most = client_offers(c->client)->mail_max; /* RFC 9422 4.1 */
  if (!most || most > CONNECTION_TRANSACTIONS_MAX) most = CONNECTION_TRANSACTIONS_MAX;
  if (delivery_of(c)->stopping || c->jobs_done >= most) {
    quit(c);
    return;
  }
  while (connection_can_work(c)) {
    struct job *j = destination_next_job(c->destination);
    if (!j) {
      client_idle(c->client, CONNECTION_IDLE_MS);
      return;
    }
    if (take_job(c, j)) return;
  }
}

/* --- the client's calls --- */

static void on_ready(void *owner) {
  struct connection *c = owner;
  c->phase = CONNECTION_IDLE;
  c->destination->walking--;
  snprintf(c->tls, sizeof c->tls, "%s", client_tls_text(c->client));
  ip_format(client_local(c->client), c->source);
  connection_work(c);
  destination_wake(c->destination); /* more connections may be opened now */
}

static void on_recipient(void *owner, size_t index, const struct incident *incident) {
  struct connection *c = owner;
  c->incident = *incident;
  bool again = verdict_of(incident) == VERDICT_AGAIN && c->outcome->job->returned < JOB_RETURNS_MAX;
  if (!again) outcome_rule(c->outcome, index, incident);
}

static void on_transaction(void *owner) {
  struct connection *c = owner;
  c->phase = CONNECTION_IDLE;
  c->jobs_done++;
  end_work(c);
  destination_transaction_done(c->destination);
  connection_work(c);
}

static void on_closed(void *owner, const struct incident *incident) {
  struct connection *c = owner;
  c->client = NULL;
  c->incident = *incident;
  if (c->phase == CONNECTION_WALKING) {
    walk(c);
    return;
  }
  if (c->outcome) end_work(c);
  c->phase = CONNECTION_ENDING;
  gone(c);
}

static const struct client_owner client_calls = {on_ready, on_recipient, on_transaction, on_closed};

/* --- the walk --- */

static bool family_fits(const struct connection *c, const struct sockaddr_storage *address) {
  return !c->destination->source_text[0] || c->destination->source.ss_family == address->ss_family;
}

/* On to the next address that our source can reach; false at the end of the walk. */
static bool next_address(struct connection *c) {
  while (c->host < c->route->host_count && c->tried < CONNECTION_ADDRESSES_MAX) {
    const struct route_host *h = &c->route->hosts[c->order[c->host]];
    if (c->address >= h->address_count) {
      c->host++;
      c->address = 0;
    } else if (family_fits(c, &h->addresses[c->address])) {
      return true;
    } else {
      c->address++;
    }
  }
  return false;
}

static int open_client(struct connection *c) {
  struct destination *d = c->destination;
  const struct route_host *h = &c->route->hosts[c->order[c->host]];
  const struct sockaddr *target = (const struct sockaddr *)&h->addresses[c->address];
  char address[IP_TEXT];
  ip_format(target, address);
  snprintf(c->target, sizeof c->target, "%s[%s]:%u", h->name, address, ip_port(target) & 0xffffu);
  struct client_plan plan = {
      .source = d->source_text[0] ? (const struct sockaddr *)&d->source : NULL,
      .target = target,
      .host = h->name,
      .helo = d->helo,
      .require_tls = d->require_tls,
  };
  plan.plain = !d->require_tls && (c->plain || plain_hosts_has(d->delivery->plain_hosts, h->name, clock_now_us()));
  struct reason why = {0};
  int rc = client_open(d->delivery->loop, &plan, &client_calls, c, &c->client, &why);
  if (rc != OK) {
    c->incident = (struct incident){.stage = STAGE_CONNECT, .trouble = TROUBLE_NETWORK, .local = true};
    snprintf(c->incident.text, sizeof c->incident.text, "%.250s", why.text);
  }
  return rc;
}

static void remember_broken_tls(struct connection *c) {
  const char *name = c->route->hosts[c->order[c->host]].name;
  log_event(LOG_WARN_, NULL, "tls failed", "host", c->target, "reason", c->incident.text, "next",
            "without TLS, for an hour", NULL);
  plain_hosts_add(delivery_of(c)->plain_hosts, name, clock_now_us());
}

/* A host that cannot have the mail says nothing of one that could not be reached. */
static void note_failure(struct connection *c) {
  if (verdict_of(&c->incident) != VERDICT_BOUNCE) c->passing = c->incident;
}

static void walk_failed(struct connection *c) {
  struct destination *d = c->destination;
  if (c->passing.trouble != TROUBLE_NONE) c->incident = c->passing;
  d->walking--;
  c->phase = CONNECTION_ENDING;
  destination_walk_failed(d, &c->incident, c->target);
  gone(c);
}

/* After a host failed: the same again without TLS, or the next. */
static void walk(struct connection *c) {
  note_failure(c);
  if (!c->plain && !c->destination->require_tls && verdict_of(&c->incident) == VERDICT_PLAIN) {
    remember_broken_tls(c);
    c->plain = true;
  } else {
    c->address++;
    c->tried++;
    c->plain = false;
  }
  while (!delivery_of(c)->stopping && c->destination->queue.count && next_address(c)) {
    if (open_client(c) == OK) return;
    note_failure(c);
    c->address++;
    c->tried++;
  }
  walk_failed(c);
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
  struct connection *c = calloc(1, sizeof *c);
  if (!c) return false;
  _Static_assert(sizeof c->order / sizeof *c->order >= 20, "as many as a route has hosts");
  c->destination = d;
  c->route = route_hold(d->route);
  shuffle(c);
  DL_APPEND(d->connections, c);
  d->connection_count++;
  d->walking++;
  d->delivery->connections++;
  c->incident = (struct incident){.stage = STAGE_ROUTE,
                                  .trouble = TROUBLE_SOURCE,
                                  .local = true,
                                  .text = "no address of the site can be reached from the source"};
  while (next_address(c)) {
    if (open_client(c) == OK) return true;
    c->address++;
    c->tried++;
  }
  walk_failed(c);
  return true;
}

/* --- the end --- */

void connection_stop(struct connection *c) {
  if (connection_can_work(c))
    quit(c);
  else if (c->phase == CONNECTION_WALKING && c->client)
    client_abort(c->client, TROUBLE_STOPPING, "the gateway is stopping");
}

void connection_abort(struct connection *c) {
  if (c->client) client_abort(c->client, TROUBLE_STOPPING, "the gateway is stopping");
}

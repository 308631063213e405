/* The content of a connection's job: read from the store unless it is in memory, and converted to 7 bits for a host
 * that does not offer 8BITMIME (RFC 6152 3). */
#include "relay/delivery/site/connection_parts.h"

#include <stdio.h>

static void begin(struct connection *c, struct content_feed *feed) {
  if (!feed) {
    c->incident = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_LOCAL, .text = "out of memory"};
    connection_rule_rest(c, &c->incident);
    connection_end_work(c);
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
  connection_end_unsent(c);
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
    connection_end_unsent(c);
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
  c->seven_bit = seven_bit_start(connection_delivery(c)->loop, &from, envelope_stream(&j->envelope), on_seven_bit, c);
  if (!c->seven_bit)
    begin(c, NULL);
  else if (!j->content)
    loaded->fd = -1;
}

static struct content_feed *feed_of(struct connection *c, struct loaded *loaded) {
  struct loop *loop = connection_delivery(c)->loop;
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
    if (loaded->content) c->outcome->job->content = loaded->content; /* kept: a notice may need its header */
    loaded->content = NULL;
    have_content(c, loaded);
    return;
  }
  c->phase = CONNECTION_IDLE;
  if (loaded->result == E_NOT_FOUND || loaded->result == E_DENIED) { /* dropped, or held, by command meanwhile */
    const struct job_result withdrawn = {.withdrawn = loaded->result == E_DENIED};
    connection_end_pace(c);
    job_finish(connection_delivery(c)->loop->gateway, outcome_cancel(&c->outcome), &withdrawn);
  } else {
    c->incident = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_LOCAL};
    snprintf(c->incident.text, sizeof c->incident.text, "the message cannot be read: %.200s", loaded->why.text);
    connection_end_unsent(c);
    return;
  }
  connection_work(c);
}

/* It may have waited here for a long time; when there were commands since it came, they may have been about it. */
static struct load *load(struct connection *c, bool check) {
  struct job *j = c->outcome->job;
  int64_t ids[JOB_RECIPIENTS_MAX];
  struct content_check which = {.ids = ids};
  for (size_t i = 0; check && i < j->recipient_count && which.count < JOB_RECIPIENTS_MAX; i++)
    ids[which.count++] = j->recipients[i].to.id;
  return content_load_checked(connection_delivery(c)->loader, &which, j->envelope.id, j->envelope.flags,
                              j->content ? LOAD_NOTHING : LOAD_MESSAGE, on_loaded, c);
}

void connection_load(struct connection *c) {
  struct job *j = c->outcome->job;
  int64_t now = atomic_load(&connection_delivery(c)->loop->gateway->queue_generation);
  bool check = j->generation != now;
  if (j->content && !check) {
    have_content(c, NULL);
    return;
  }
  c->phase = CONNECTION_LOADING;
  client_idle(c->client, 0);
  c->load = load(c, check);
  if (!c->load) begin(c, NULL);
}

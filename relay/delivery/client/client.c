/* The client's life and the opening of a session; see client.h for the states. */
#include "relay/delivery/client/client.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "relay/delivery/client/client_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *state_name(enum client_state state) {
  static const char *const names[] = {
      [CLIENT_CONNECTING] = "connecting",
      [CLIENT_GREETING] = "greeting",
      [CLIENT_EHLO] = "ehlo",
      [CLIENT_HELO] = "helo",
      [CLIENT_STARTTLS] = "starttls",
      [CLIENT_HANDSHAKE] = "handshake",
      [CLIENT_AUTH] = "auth",
      [CLIENT_READY] = "ready",
      [CLIENT_ENVELOPE] = "envelope",
      [CLIENT_CONTENT] = "content",
      [CLIENT_DOT] = "dot",
      [CLIENT_RESET] = "reset",
      [CLIENT_QUIT] = "quit",
      [CLIENT_CLOSED] = "closed",
  };
  return names[state];
}

/* No longer than the configuration has it. */
static uint64_t bounded_timeout(const struct smtp_client *c, enum client_state state, uint64_t timeout_ms) {
  uint64_t most_ms = (uint64_t)c->loop->gateway->config->reply_timeout_us / 1000;
  return state != CLIENT_CONNECTING && most_ms && timeout_ms > most_ms ? most_ms : timeout_ms;
}

void client_set_state(struct smtp_client *c, enum client_state state, uint64_t timeout_ms) {
  if (log_wants(LOG_DEBUG_) && c->state != state)
    log_event(LOG_DEBUG_, c->id, "client", "host", c->host, "from", state_name(c->state), "to", state_name(state),
              NULL);
  c->state = state;
  stream_set_timeout(c->stream, bounded_timeout(c, state, timeout_ms));
}

static enum smtp_stage envelope_stage(const struct smtp_client *c) {
  if (c->envelope.answered == 0) return STAGE_MAIL;
  return c->envelope.t && c->envelope.answered <= c->envelope.t->recipient_count ? STAGE_RCPT : STAGE_DATA;
}

enum smtp_stage client_stage(const struct smtp_client *c) {
  switch (c->state) {
  case CLIENT_CONNECTING: return STAGE_CONNECT;
  case CLIENT_GREETING: return STAGE_GREETING;
  case CLIENT_EHLO:
  case CLIENT_HELO: return STAGE_EHLO;
  case CLIENT_STARTTLS: return STAGE_STARTTLS;
  case CLIENT_HANDSHAKE: return STAGE_HANDSHAKE;
  case CLIENT_AUTH: return STAGE_AUTH;
  case CLIENT_ENVELOPE: return envelope_stage(c);
  case CLIENT_CONTENT: return STAGE_CONTENT;
  case CLIENT_DOT: return STAGE_DOT;
  default: return STAGE_IDLE;
  }
}

/* Then the recipient that it is about is one of those that were accepted. */
static bool after_envelope(const struct smtp_client *c) {
  enum smtp_stage stage = client_stage(c);
  return stage == STAGE_DATA || stage == STAGE_CONTENT || stage == STAGE_DOT;
}

/* Then whole handshakes may still work there. */
static bool is_resuming(const struct smtp_client *c) {
  return c->state == CLIENT_HANDSHAKE && stream_tls_resumes(c->stream);
}

void client_incident(const struct smtp_client *c, enum trouble trouble, const struct smtp_reply *reply,
                     const char *text, struct incident *out) {
  *out = (struct incident){
      .stage = client_stage(c),
      .trouble = trouble,
      .tls = c->ever_tls,
      .tls_enforced = c->tls.required || c->require_tls,
      .routed = c->routed,
      .tls_unused = c->offers.starttls && !c->ever_tls,
      .resuming = is_resuming(c),
      .reused = c->transactions > 1,
      .answered = c->envelope.answered > 0,
      .others_accepted = c->envelope.accepted > (after_envelope(c) ? 1 : 0),
      .pipelined = c->offers.pipelining && (c->state == CLIENT_ENVELOPE || c->state == CLIENT_CONTENT),
      .host_dsn = c->offers.dsn,
      .host_deliver_by = c->offers.deliver_by,
      .local = trouble == TROUBLE_SOURCE,
  };
  if (reply) out->reply = *reply;
  const char *copies = out->stage == STAGE_DOT && !reply ? "; the host may have taken it, so it may arrive twice" : "";
  snprintf(out->text, sizeof out->text, "%.150s %s%s", text, smtp_stage_phrase(out->stage), copies);
}

void client_tls_decided(struct smtp_client *c, enum tls_result result, const char *reason) {
  if (c->tls_reported || c->plain) return;
  c->tls_reported = true;
  c->calls->on_tls(c->owner, &(struct client_tls){.result = result, .helo = c->peer_name, .reason = reason});
}

/* What we did ourselves says nothing of the host. */
static bool is_about_host(enum trouble trouble) {
  return trouble != TROUBLE_STOPPING && trouble != TROUBLE_SOURCE && trouble != TROUBLE_LOCAL;
}

void client_fail(struct smtp_client *c, enum trouble trouble, const struct smtp_reply *reply, const char *text) {
  if (c->state == CLIENT_CLOSED) return;
  if (c->state == CLIENT_HANDSHAKE && is_about_host(trouble) && !is_resuming(c))
    client_tls_decided(c, stream_tls_failure(c->stream), text);
  client_incident(c, trouble, reply, text, &c->end);
  client_set_state(c, CLIENT_CLOSED, 0);
  if (trouble != TROUBLE_NONE)
    log_event(LOG_DEBUG_, c->id, "client failed", "host", c->host, "text", c->end.text, NULL);
  stream_close(c->stream, false);
}

void client_refused(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code < 400) /* nor did it take it: an event and a notice have no such code (RFC 3463 3.1) */
    client_fail(c, TROUBLE_PROTOCOL, NULL, "the host's reply makes no sense");
  else
    client_fail(c, TROUBLE_REPLY, reply, "the host refused");
}

bool client_send(struct smtp_client *c, struct bytes text) {
  if (stream_write(c->stream, text) == OK) return true;
  client_fail(c, TROUBLE_NETWORK, NULL, "the connection cannot be written to");
  return false;
}

static void on_reset(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code / 100 == 2)
    client_transaction_over(c);
  else
    client_refused(c, reply);
}

/* A reply that nobody asked for: mostly 421 before the host closes. */
static void on_unsolicited(struct smtp_client *c, const struct smtp_reply *reply) {
  client_refused(c, reply);
}

static void on_early_reply(struct smtp_client *c, const struct smtp_reply *reply) {
  /* RFC 5321 has no reply before the final dot; hosts that refuse in the middle say so before they close. */
  if (reply->code >= 400)
    client_refused(c, reply);
  else
    client_fail(c, TROUBLE_PROTOCOL, NULL, "the host replied out of turn");
}

static void on_dot(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code / 100 == 3) {
    client_fail(c, TROUBLE_PROTOCOL, NULL, "the host's reply makes no sense");
    return;
  }
  bool taken = reply->code / 100 == 2;
  /* The dot has not left yet, so this is no reply to it: a host that is one reply ahead would refuse the message later,
   * unheard. */
  if (taken && stream_pending(c->stream)) {
    client_set_state(c, CLIENT_CONTENT, TIMEOUT_BLOCK);
    on_early_reply(c, reply);
    return;
  }
  struct incident incident;
  client_incident(c, taken ? TROUBLE_NONE : TROUBLE_REPLY, reply, "", &incident);
  envelope_report_rest(c, &incident);
  if (reply->code == 421)
    client_refused(c, reply);
  else
    client_transaction_over(c);
}

static void on_quit(struct smtp_client *c, const struct smtp_reply *reply) {
  (void)reply;
  client_fail(c, TROUBLE_NONE, NULL, "");
}

static void on_reply(struct smtp_client *c, const struct smtp_reply *reply) {
  static void (*const handlers[])(struct smtp_client * c, const struct smtp_reply *reply) = {
      [CLIENT_GREETING] = opening_greeting,
      [CLIENT_EHLO] = opening_ehlo,
      [CLIENT_HELO] = opening_helo,
      [CLIENT_STARTTLS] = opening_starttls,
      [CLIENT_AUTH] = opening_auth,
      [CLIENT_READY] = on_unsolicited,
      [CLIENT_ENVELOPE] = envelope_reply,
      [CLIENT_CONTENT] = on_early_reply,
      [CLIENT_DOT] = on_dot,
      [CLIENT_RESET] = on_reset,
      [CLIENT_QUIT] = on_quit,
  };
  if (log_wants(LOG_DEBUG_)) {
    struct log_line l;
    log_begin(&l, LOG_DEBUG_, c->id, "reply");
    log_str(&l, "state", state_name(c->state));
    log_int(&l, "code", reply->code);
    log_str(&l, "text", reply->text);
    log_end(&l);
  }
  if (handlers[c->state])
    handlers[c->state](c, reply);
  else
    client_fail(c, TROUBLE_PROTOCOL, NULL, "the host replied out of turn");
}

/* --- the stream's calls --- */

/* With REQUIRETLS, that this host is none for the message (RFC 8689 4.2.1). Not so where it only differs from its TLSA
 * records, or from its domain's policy: that is a fault of today's (RFC 7672 2.2 and RFC 8461 5 have mail wait for its
 * end). */
enum trouble client_tls_trouble(const struct smtp_client *c) {
  if (c->tls.by == TLS_RULE_DANE && (!c->require_tls || c->tls.proof == TLS_BY_DANE)) return TROUBLE_DANE;
  if (c->tls.by == TLS_RULE_STS) return TROUBLE_STS;
  if (c->require_tls) return TROUBLE_NO_TLS;
  return c->tls.required ? TROUBLE_TLS_ENFORCED : TROUBLE_TLS;
}

static void on_data(void *owner, struct bytes data) {
  struct smtp_client *c = owner;
  while (data.len && c->state != CLIENT_CLOSED) {
    /* RFC 3207 4: what came in the clear after the 220 was put there by somebody who wants it taken as protected. */
    if (c->state == CLIENT_HANDSHAKE && !stream_is_tls(c->stream)) {
      client_fail(c, client_tls_trouble(c), NULL, "the host sent more in the clear after STARTTLS,");
      return;
    }
    int rc = reply_parser_feed(&c->parser, &data);
    if (rc < 0) {
      client_fail(c, TROUBLE_PROTOCOL, NULL,
                  rc == E_TOO_BIG ? "the host's reply has no end" : "the host does not speak SMTP");
      return;
    }
    if (rc == 1) {
      struct smtp_reply reply = c->parser.reply;
      on_reply(c, &reply);
    }
  }
}

static void on_failed(struct smtp_client *c) {
  if (c->state == CLIENT_QUIT)
    client_fail(c, TROUBLE_NONE, NULL, "");
  else
    client_fail(c, c->state == CLIENT_HANDSHAKE ? client_tls_trouble(c) : TROUBLE_NETWORK, NULL,
                stream_error(c->stream));
}

static void on_end(struct smtp_client *c) {
  client_fail(c, c->state == CLIENT_QUIT ? TROUBLE_NONE : TROUBLE_CLOSED, NULL, "the host closed the connection");
}

/* RFC 8461 5, "testing": what would have ended the handshake is kept for a report. */
static void try_policy(struct smtp_client *c) {
  struct reason why = {0};
  if (!c->tls.sts_testing || stream_tls_check(c->stream, c->host, &why)) return;
  snprintf(c->sts_fault, sizeof c->sts_fault, "%.250s", why.text);
}

static void on_event(void *owner, enum stream_event event) {
  struct smtp_client *c = owner;
  if (c->state == CLIENT_CLOSED) return;
  switch (event) {
  case STREAM_CONNECTED:
    c->calls->on_connected(c->owner);
    if (c->implicit_tls)
      opening_start_tls(c);
    else
      client_set_state(c, CLIENT_GREETING, TIMEOUT_GREETING);
    break;
  case STREAM_TLS_READY:
    c->ever_tls = true;
    try_policy(c);
    client_tls_decided(c, c->sts_fault[0] ? stream_tls_failure(c->stream) : TLS_RESULT_SUCCESS, c->sts_fault);
    if (c->implicit_tls)
      client_set_state(c, CLIENT_GREETING, TIMEOUT_GREETING);
    else
      opening_say_ehlo(c);
    break;
  case STREAM_DRAINED:
    if (c->state == CLIENT_CONTENT) content_more(c);
    break;
  case STREAM_END: on_end(c); break;
  case STREAM_FAILED: on_failed(c); break;
  }
}

static void on_timeout(void *owner) {
  struct smtp_client *c = owner;
  if (c->state == CLIENT_READY)
    client_quit(c);
  else if (c->state == CLIENT_QUIT)
    client_fail(c, TROUBLE_NONE, NULL, "");
  else
    client_fail(c, TROUBLE_TIMEOUT, NULL, "the host did not answer in time");
}

static void on_close(void *owner) {
  struct smtp_client *c = owner;
  if (c->envelope.t) envelope_report_rest(c, &c->end);
  c->calls->on_closed(c->owner, &c->end);
  content_feed_free(&c->feed);
  client_forget_login(c);
  free(c);
}

static const struct stream_owner stream_calls = {on_data, on_event, on_timeout, on_close};

/* --- the owner's calls --- */

/* A login is shown to nobody in the clear, unless its route says so. What REQUIRETLS asks for goes before the route's
 * ROUTE_TLS_NONE. */
static void take_tls_rules(struct smtp_client *c, const struct client_plan *plan) {
  bool no_tls = plan->no_tls && !plan->require_tls;
  c->require_tls = plan->require_tls;
  c->implicit_tls = plan->implicit_tls;
  c->tls = plan->tls;
  if (plan->require_tls && c->tls.proof == TLS_UNVERIFIED) c->tls.proof = TLS_BY_CA; /* RFC 8689 4.2.1 (2) */
  c->plain = (plan->plain && !c->tls.required) || no_tls || !c->loop->tls_client;
}

static uint64_t connect_time(const struct client_plan *plan) {
  return plan->connect_ms && plan->connect_ms < TIMEOUT_CONNECT ? plan->connect_ms : TIMEOUT_CONNECT;
}

int client_open(struct loop *loop, const struct client_plan *plan, const struct client_owner *calls, void *owner,
                struct smtp_client **out, struct reason *why) {
  struct smtp_client *c = *out = calloc(1, sizeof *c);
  if (!c) return fail(why, E_MEMORY, "out of memory");
  c->loop = loop;
  c->calls = calls;
  c->owner = owner;
  c->lockstep = plan->lockstep;
  c->routed = plan->routed;
  take_tls_rules(c, plan);
  id_format(id_new(), c->id);
  snprintf(c->host, sizeof c->host, "%s", plan->host);
  snprintf(c->helo, sizeof c->helo, "%s", plan->helo);
  reply_parser_init(&c->parser, opening_ehlo_line, c);
  int rc = client_keep_login(c, plan->login);
  if (rc != OK) fail(why, rc, "out of memory");
  if (rc == OK) rc = stream_connect(loop, plan->source, plan->target, &stream_calls, c, &c->stream, why);
  if (rc != OK) {
    client_forget_login(c);
    free(c);
    *out = NULL;
    return rc;
  }
  client_set_state(c, CLIENT_CONNECTING, connect_time(plan));
  return OK;
}

int client_check(const struct smtp_client *c, const struct client_transaction *t, struct incident *out) {
  *out = (struct incident){.stage = STAGE_IDLE, .tls = c->ever_tls};
  return transaction_obstacle(t, &c->offers, clock_now_us(), out) ? E_DENIED : OK;
}

bool client_wants_seven_bit(const struct smtp_client *c, const struct client_transaction *t) {
  return t->envelope.flags & MESSAGE_8BIT && !c->offers.eightbit;
}

void client_begin(struct smtp_client *c, const struct client_transaction *t, struct content_feed *feed) {
  memset(&c->envelope, 0, sizeof c->envelope);
  c->envelope.t = t;
  c->feed = feed;
  c->transactions++;
  envelope_begin(c);
}

void client_transaction_over(struct smtp_client *c) {
  c->envelope.t = NULL;
  content_feed_free(&c->feed);
  client_set_state(c, CLIENT_READY, 0);
  c->calls->on_transaction(c->owner);
}

void client_idle(struct smtp_client *c, uint64_t ms) {
  if (c->state == CLIENT_READY) stream_set_timeout(c->stream, ms);
}

void client_quit(struct smtp_client *c) {
  if (c->state != CLIENT_READY) return;
  client_set_state(c, CLIENT_QUIT, TIMEOUT_QUIT);
  client_send(c, BYTES("QUIT\r\n"));
}

void client_abort(struct smtp_client *c, enum trouble trouble, const char *text) {
  client_fail(c, trouble, NULL, text);
}

bool client_is_ready(const struct smtp_client *c) {
  return c->state == CLIENT_READY && !c->envelope.t;
}
const char *client_tls_text(const struct smtp_client *c) {
  return stream_tls_text(c->stream);
}
struct tls_facts client_tls_facts(const struct smtp_client *c) {
  struct tls_facts facts = stream_tls_facts(c->stream);
  facts.sts = facts.proof == TLS_BY_CA && c->tls.by == TLS_RULE_STS;
  return facts;
}
const char *client_sts_fault(const struct smtp_client *c) {
  return c->sts_fault;
}
const struct sockaddr *client_local(const struct smtp_client *c) {
  return stream_local(c->stream);
}
const struct ehlo *client_offers(const struct smtp_client *c) {
  return &c->offers;
}

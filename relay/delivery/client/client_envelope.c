/* MAIL, RCPT and DATA, one by one or in one write (RFC 2920). The same code reads the replies of both ways: commands
 * are numbered, and replies come in the order of commands. */
#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/client/client_parts.h"

#include <stdio.h>

static size_t data_number(const struct smtp_client *c) {
  return c->envelope.t->recipient_count + 1;
}

static void report(struct smtp_client *c, size_t index, const struct incident *incident) {
  if (c->envelope.progress[index] == PROGRESS_REPORTED) return;
  c->envelope.progress[index] = PROGRESS_REPORTED;
  c->calls->on_recipient(c->owner, index, incident);
}

void envelope_report_rest(struct smtp_client *c, const struct incident *incident) {
  for (size_t i = 0; i < c->envelope.t->recipient_count; i++) report(c, i, incident);
}

/* --- commands --- */

static int add_command(const struct smtp_client *c, size_t number, struct buffer *out) {
  const struct client_transaction *t = c->envelope.t;
  if (number == 0) return transaction_mail(t, &c->offers, clock_now_us(), out);
  if (number == data_number(c)) return buffer_add(out, "DATA\r\n", 6);
  return transaction_rcpt(t, number - 1, &c->offers, out);
}

static uint64_t timeout_for(const struct smtp_client *c) {
  if (c->envelope.answered == 0) return TIMEOUT_MAIL;
  return c->envelope.answered < data_number(c) ? TIMEOUT_RCPT : TIMEOUT_DATA;
}

/* All of them, or with a server that does not pipeline, the next. */
static void send_commands(struct smtp_client *c) {
  struct envelope_progress *e = &c->envelope;
  size_t last = c->offers.pipelining ? data_number(c) : e->sent;
  struct buffer out;
  buffer_init(&out, STREAM_PENDING_MAX);
  int rc = OK;
  while (e->sent <= last && rc == OK) rc = add_command(c, e->sent++, &out);
  client_set_state(c, CLIENT_ENVELOPE, timeout_for(c));
  if (rc == OK)
    client_send(c, buffer_bytes(&out));
  else
    client_fail(c, TROUBLE_LOCAL, NULL, rc == E_SYNTAX ? "the envelope has control characters" : "out of memory");
  buffer_free(&out);
}

void envelope_begin(struct smtp_client *c) {
  send_commands(c);
}

/* --- replies --- */

static void reset(struct smtp_client *c) {
  client_set_state(c, CLIENT_RESET, TIMEOUT_RESET);
  client_send(c, BYTES("RSET\r\n"));
}

/* `refusal`: NULL when it is none. */
static void on_mail(struct smtp_client *c, const struct incident *refusal) {
  if (!refusal) return;
  c->envelope.mail_refused = true;
  envelope_report_rest(c, refusal);
}

static void on_rcpt(struct smtp_client *c, size_t index, const struct incident *refusal) {
  if (c->envelope.mail_refused) return; /* RFC 2920 3.1: the rest was sent already, and its replies say nothing */
  if (refusal) {
    report(c, index, refusal);
    return;
  }
  c->envelope.progress[index] = PROGRESS_ACCEPTED;
  c->envelope.accepted++;
}

static void on_data_reply(struct smtp_client *c, const struct smtp_reply *reply, const struct incident *refusal) {
  if (reply->code == 354 && c->envelope.accepted) {
    content_begin(c);
  } else if (reply->code == 354) {
    /* RFC 2920 3.1 allows for it, and would have a lone dot sent; but a host that takes it so may keep what it then
     * has: an empty message, sometimes to somebody. All recipients were reported. */
    client_fail(c, TROUBLE_PROTOCOL, NULL, "the host took DATA without a recipient");
  } else if (reply->code < 400) {
    client_fail(c, TROUBLE_PROTOCOL, NULL, "the host took DATA for done");
  } else {
    if (c->envelope.accepted) envelope_report_rest(c, refusal);
    reset(c);
  }
}

/* Without pipelining: what comes after this reply. */
static void go_on(struct smtp_client *c) {
  struct envelope_progress *e = &c->envelope;
  bool all_rcpt = e->answered == data_number(c);
  if (e->mail_refused || (all_rcpt && !e->accepted))
    reset(c);
  else
    send_commands(c);
}

/* A reply above 399 is a refusal here; one between is neither yes nor no. */
static bool no_reply_at_all(const struct smtp_reply *reply, bool is_data) {
  return !is_data && reply->code / 100 == 3;
}

/* "Bad sequence of commands", which was right: the host has lost the order of what came in one write. */
static bool lost_the_order(const struct smtp_client *c, const struct smtp_reply *reply) {
  const struct envelope_progress *e = &c->envelope;
  if (reply->code != 503 || !c->offers.pipelining || !e->answered || e->mail_refused) return false;
  return e->answered < data_number(c) || e->accepted;
}

void envelope_reply(struct smtp_client *c, const struct smtp_reply *reply) {
  struct envelope_progress *e = &c->envelope;
  size_t number = e->answered;
  if (reply->code == 421) { /* RFC 5321 3.8: may come at any time; the host closes */
    client_refused(c, reply);
    return;
  }
  if (no_reply_at_all(reply, number == data_number(c))) {
    client_fail(c, TROUBLE_PROTOCOL, NULL, "the host's reply makes no sense");
    return;
  }
  if (lost_the_order(c, reply)) {
    client_fail(c, TROUBLE_PROTOCOL, NULL, "the host lost the order of pipelined commands");
    return;
  }
  struct incident incident, *refusal = NULL;
  if (reply->code / 100 != 2 && reply->code != 354) {
    refusal = &incident;
    client_incident(c, TROUBLE_REPLY, reply, "the host refused", refusal);
  }
  e->answered++;
  if (number == 0)
    on_mail(c, refusal);
  else if (number < data_number(c))
    on_rcpt(c, number - 1, refusal);
  if (number == data_number(c)) {
    on_data_reply(c, reply, refusal);
    return;
  }
  if (e->answered == e->sent)
    go_on(c);
  else
    client_set_state(c, CLIENT_ENVELOPE, timeout_for(c));
}

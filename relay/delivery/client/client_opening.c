/* The opening of a session: greeting, EHLO or HELO, STARTTLS; see client.h for the states. */
#include "base/address/address.h"
#include "base/log.h"
#include "base/text/text.h"
#include "relay/delivery/client/client_parts.h"

#include <stdio.h>
#include <string.h>

static bool send_name(struct smtp_client *c, const char *verb) {
  char line[300];
  if (!text_has_no_controls(c->helo)) {
    client_fail(c, TROUBLE_LOCAL, NULL, "the name for EHLO has control characters");
    return false;
  }
  int n = snprintf(line, sizeof line, "%s %s\r\n", verb, c->helo);
  return client_send(c, (struct bytes){line, (size_t)n});
}

void opening_ehlo_line(void *arg, size_t index, struct bytes text) {
  struct smtp_client *c = arg;
  if (c->state == CLIENT_EHLO) ehlo_line(&c->offers, index, text);
}

void opening_say_ehlo(struct smtp_client *c) {
  memset(&c->offers, 0, sizeof c->offers); /* RFC 3207 4.2: nothing learned before TLS is kept */
  client_set_state(c, CLIENT_EHLO, TIMEOUT_EHLO);
  send_name(c, "EHLO");
}

void client_ready(struct smtp_client *c) {
  client_set_state(c, CLIENT_READY, 0);
  if (c->ready_reported) return;
  c->ready_reported = true;
  c->calls->on_ready(c->owner);
}

/* RFC 5321 4.2: the greeting begins with the host's name. */
static void keep_peer_name(struct smtp_client *c, const struct smtp_reply *reply) {
  size_t len = strcspn(reply->text, " ");
  bool name = memchr(reply->text, '.', len) && domain_valid((struct bytes){reply->text, len});
  if (name && len < sizeof c->peer_name) snprintf(c->peer_name, sizeof c->peer_name, "%.*s", (int)len, reply->text);
}

void opening_greeting(struct smtp_client *c, const struct smtp_reply *reply) {
  keep_peer_name(c, reply);
  if (reply->code / 100 == 2)
    opening_say_ehlo(c);
  else
    client_refused(c, reply);
}

/* All that EHLO offers is known, and so is TLS. */
static void opened(struct smtp_client *c) {
  if (c->user)
    opening_login(c);
  else
    client_ready(c);
}

/* RFC 8689 4.2.1: QUIT, and on to another host. */
void client_leave(struct smtp_client *c, enum trouble trouble, const char *text) {
  client_incident(c, trouble, NULL, text, &c->end);
  stream_write(c->stream, BYTES("QUIT\r\n")); /* nothing hangs on whether it arrives */
  client_set_state(c, CLIENT_CLOSED, 0);
  log_event(LOG_DEBUG_, c->id, "client left", "host", c->host, "text", c->end.text, NULL);
  stream_close(c->stream, true);
}

/* The same, steps 3 and 4. */
static bool lacks_what_is_required(struct smtp_client *c) {
  bool may_come = !c->ever_tls && c->offers.starttls && !c->plain;
  if ((!c->require_tls && !c->tls.required) || may_come) return false;
  enum trouble trouble = client_tls_trouble(c);
  if (!c->ever_tls && trouble == TROUBLE_DANE)
    client_leave(c, TROUBLE_DANE, "the host has TLSA records, which require TLS (DANE), and does not offer it");
  else if (!c->ever_tls && trouble == TROUBLE_STS)
    client_leave(c, TROUBLE_STS, "the domain's MTA-STS policy requires TLS, and the host does not offer it");
  else if (!c->ever_tls && !c->require_tls)
    client_leave(c, trouble, "the route requires TLS, and the host does not offer it");
  else if (!c->ever_tls)
    client_leave(c, TROUBLE_NO_TLS, "the message requires TLS, and the host does not offer it");
  else if (c->require_tls && !c->offers.require_tls)
    client_leave(c, TROUBLE_NO_REQUIRETLS,
                 "the message requires TLS all the way, and the host does not offer REQUIRETLS");
  return c->state == CLIENT_CLOSED;
}

/* A host that never gets to a decision, as with 421, has none counted. */
static void report_no_tls(struct smtp_client *c, const struct smtp_reply *reply) {
  if (c->ever_tls) return;
  if (reply->code / 100 == 5)
    client_tls_decided(c, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "the host does not take EHLO");
  else if (reply->code / 100 == 2 && !c->offers.starttls)
    client_tls_decided(c, TLS_RESULT_STARTTLS_NOT_SUPPORTED, "the host does not offer STARTTLS");
}

/* STARTTLS was refused. */
static void report_refused_tls(struct smtp_client *c, const struct smtp_reply *reply) {
  char reason[TLS_REASON_MAX];
  snprintf(reason, sizeof reason, "the host refused STARTTLS: %d%s%s %.140s", reply->code, *reply->enhanced ? " " : "",
           reply->enhanced, reply->text);
  client_tls_decided(c, TLS_RESULT_STARTTLS_NOT_SUPPORTED, reason);
}

void opening_ehlo(struct smtp_client *c, const struct smtp_reply *reply) {
  report_no_tls(c, reply);
  if (reply->code / 100 == 5 && !c->ever_tls && !c->require_tls && !c->tls.required) { /* RFC 5321 3.2: an old server */
    memset(&c->offers, 0, sizeof c->offers);
    client_set_state(c, CLIENT_HELO, TIMEOUT_EHLO);
    send_name(c, "HELO");
    return;
  }
  if (reply->code / 100 != 2) {
    client_refused(c, reply);
    return;
  }
  if (c->lockstep) c->offers.pipelining = false;
  if (lacks_what_is_required(c)) return;
  if (!c->offers.starttls || c->plain || c->ever_tls) {
    opened(c);
    return;
  }
  client_set_state(c, CLIENT_STARTTLS, TIMEOUT_EHLO);
  client_send(c, BYTES("STARTTLS\r\n"));
}

void opening_helo(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code / 100 == 2)
    opened(c);
  else
    client_refused(c, reply);
}

void opening_start_tls(struct smtp_client *c) {
  const struct dane_rules *dane = c->tls.dane;
  bool by_ca = c->tls.proof == TLS_BY_CA;                   /* which knows the host by its own name */
  const char *name = dane && !by_ca ? dane->base : c->host; /* RFC 7672 8.1: SNI has the TLSA base domain */
  bool started = stream_start_tls_client(c->stream, name, c->tls.proof, dane) == OK;
  client_set_state(c, CLIENT_HANDSHAKE, started ? TIMEOUT_HANDSHAKE : 0);
  if (!started) client_fail(c, client_tls_trouble(c), NULL, "TLS could not be started");
}

void opening_starttls(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code != 220 && reply->code != 421) report_refused_tls(c, reply);
  if (reply->code == 421) {
    client_refused(c, reply);
  } else if (reply->code != 220 && c->require_tls) {
    if (reply->code / 100 == 5 && client_tls_trouble(c) == TROUBLE_NO_TLS)
      client_leave(c, TROUBLE_NO_TLS, "the message requires TLS, and the host refused it");
    else
      client_refused(c, reply);
  } else if (reply->code != 220 && c->tls.required) {
    client_refused(c, reply);
  } else if (reply->code != 220) {
    opened(c); /* RFC 3207 4: without TLS the session goes on; TLS was opportunistic */
  } else {
    opening_start_tls(c);
  }
}

/* The opening of a session: greeting, EHLO or HELO, STARTTLS; see client.h for the states. */
#include "base/log.h"
#include "base/text.h"
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

static void ready(struct smtp_client *c) {
  client_set_state(c, CLIENT_READY, 0);
  if (c->ready_reported) return;
  c->ready_reported = true;
  c->calls->on_ready(c->owner);
}

void opening_greeting(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code / 100 == 2)
    opening_say_ehlo(c);
  else
    client_refused(c, reply);
}

/* RFC 8689 4.2.1: QUIT, and on to another host. */
static void leave(struct smtp_client *c, enum trouble trouble, const char *text) {
  client_incident(c, trouble, NULL, text, &c->end);
  stream_write(c->stream, BYTES("QUIT\r\n")); /* nothing hangs on whether it arrives */
  client_set_state(c, CLIENT_CLOSED, 0);
  log_event(LOG_DEBUG_, c->id, "client left", "host", c->host, "text", c->end.text, NULL);
  stream_close(c->stream, true);
}

/* The same, steps 3 and 4. */
static bool lacks_what_is_required(struct smtp_client *c) {
  if (!c->require_tls || (!c->ever_tls && c->offers.starttls)) return false;
  if (!c->ever_tls)
    leave(c, TROUBLE_NO_TLS, "the message requires TLS, and the host does not offer it");
  else if (!c->offers.require_tls)
    leave(c, TROUBLE_NO_REQUIRETLS, "the message requires TLS all the way, and the host does not offer REQUIRETLS");
  return c->state == CLIENT_CLOSED;
}

void opening_ehlo(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code / 100 == 5 && !c->ever_tls && !c->require_tls) { /* RFC 5321 3.2: an old server */
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
    ready(c);
    return;
  }
  client_set_state(c, CLIENT_STARTTLS, TIMEOUT_EHLO);
  client_send(c, BYTES("STARTTLS\r\n"));
}

void opening_helo(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code / 100 == 2)
    ready(c);
  else
    client_refused(c, reply);
}

void opening_starttls(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code == 421) {
    client_refused(c, reply);
  } else if (reply->code != 220 && c->require_tls) {
    if (reply->code / 100 == 5)
      leave(c, TROUBLE_NO_TLS, "the message requires TLS, and the host refused it");
    else
      client_refused(c, reply);
  } else if (reply->code != 220) {
    ready(c); /* RFC 3207 4: without TLS the session goes on; TLS was opportunistic */
  } else if (stream_start_tls_client(c->stream, c->host, c->require_tls) == OK) {
    client_set_state(c, CLIENT_HANDSHAKE, TIMEOUT_HANDSHAKE);
  } else {
    client_set_state(c, CLIENT_HANDSHAKE, 0);
    client_fail(c, TROUBLE_TLS, NULL, "TLS could not be started");
  }
}

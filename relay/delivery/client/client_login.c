/* AUTH, once EHLO's offers are those that count (RFC 4954); see client.h for the states. */
#include "relay/delivery/client/client_parts.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int client_keep_login(struct smtp_client *c, const struct login *login) {
  buffer_init_secret(&c->secret, LOGIN_RESPONSE_MAX);
  buffer_init_secret(&c->initial, LOGIN_RESPONSE_MAX);
  if (!login) return OK;
  c->token = login->token;
  c->port = login->port;
  c->user = strdup(login->user);
  return c->user ? buffer_add_bytes(&c->secret, login->secret) : E_MEMORY;
}

void client_forget_login(struct smtp_client *c) {
  login_free(&c->login);
  buffer_wipe_free(&c->secret);
  buffer_wipe_free(&c->initial);
  free(c->user);
  c->user = NULL;
}

static void trouble(struct smtp_client *c, const char *text) {
  client_leave(c, TROUBLE_LOGIN, text);
}

/* --- what is sent --- */

/* Ends the line, sends and wipes it. */
static void send_line(struct smtp_client *c, struct buffer *line) {
  if (buffer_add(line, "\r\n", 2) == OK)
    client_send(c, buffer_bytes(line));
  else
    client_fail(c, TROUBLE_LOCAL, NULL, "out of memory");
  buffer_wipe_free(line);
}

static void step_failed(struct smtp_client *c, int rc) {
  if (rc == E_MEMORY)
    client_fail(c, TROUBLE_LOCAL, NULL, "out of memory");
  else if (rc == E_TOO_BIG)
    trouble(c, "the host wants more work for SCRAM, or a longer response, than is done for any,");
  else if (rc == E_DENIED)
    trouble(c, "the host does not know the password that it wants to be shown,");
  else
    trouble(c, "the host's challenge makes no sense");
}

static void respond(struct smtp_client *c, const char *challenge) {
  struct buffer line;
  buffer_init_secret(&line, LOGIN_RESPONSE_MAX);
  int rc = c->initial.len ? buffer_add_bytes(&line, buffer_bytes(&c->initial)) : login_step(c->login, challenge, &line);
  buffer_wipe_free(&c->initial);
  if (rc != OK) {
    buffer_wipe_free(&line);
    step_failed(c, rc);
    return;
  }
  client_set_state(c, CLIENT_AUTH, TIMEOUT_AUTH);
  send_line(c, &line);
}

/* RFC 4954 4: the initial response goes with the command, "=" where it is empty; but the command keeps to the length
 * that commands have, so a long one (a token) is kept back until the host asks for it. */
static int add_initial(struct smtp_client *c, struct buffer *line) {
  if (!login_speaks_first(c->login)) return OK;
  int rc = login_step(c->login, "", &c->initial);
  if (rc != OK || line->len + 1 + c->initial.len + 2 > COMMAND_LINE_MAX) return rc;
  rc = buffer_add(line, " ", 1);
  if (rc == OK) rc = c->initial.len ? buffer_add_bytes(line, buffer_bytes(&c->initial)) : buffer_add(line, "=", 1);
  buffer_wipe_free(&c->initial);
  return rc;
}

/* RFC 9266 4.2: of TLS 1.3. In TLS 1.2 a host that binds knows tls-unique, which has no such safety. */
static const unsigned char *binding_of(const struct smtp_client *c, unsigned char out[LOGIN_BINDING]) {
  return stream_tls_facts(c->stream).version >= 13 && stream_tls_binding(c->stream, out) ? out : NULL;
}

void opening_login(struct smtp_client *c) {
  unsigned char octets[LOGIN_BINDING];
  const unsigned char *binding = binding_of(c, octets);
  const char *mechanism =
      c->token ? login_token_mechanism(c->offers.mechanisms) : login_mechanism(c->offers.mechanisms, binding != NULL);
  struct buffer line;
  client_set_state(c, CLIENT_AUTH, TIMEOUT_AUTH);
  if (!mechanism) {
    trouble(c, c->offers.auth && c->token ? "the host offers no AUTH mechanism for tokens (OAUTHBEARER, XOAUTH2)"
               : c->offers.auth           ? "the host offers no AUTH mechanism that takes a password"
                                          : "the host does not offer AUTH, which the route's login needs,");
    return;
  }
  const struct login login = {
      .user = c->user, .token = c->token, .secret = buffer_bytes(&c->secret), .host = c->host, .port = c->port};
  c->login = login_begin(mechanism, &login, binding);
  buffer_init_secret(&line, LOGIN_RESPONSE_MAX);
  int rc = c->login ? buffer_addf(&line, "AUTH %s", mechanism) : E_MEMORY;
  if (rc == OK) rc = add_initial(c, &line);
  if (rc != OK) {
    buffer_wipe_free(&line);
    step_failed(c, rc);
    return;
  }
  log_event(LOG_DEBUG_, c->id, "login", "host", c->host, "user", c->user, "mechanism", mechanism, NULL);
  send_line(c, &line);
}

/* --- replies --- */

static void on_success(struct smtp_client *c) {
  if (!login_is_proven(c->login)) {
    trouble(c, "the host accepts the login, but has not shown that it knows the password itself,");
    return;
  }
  client_forget_login(c);
  client_ready(c);
}

void opening_auth(struct smtp_client *c, const struct smtp_reply *reply) {
  if (reply->code == 334) {
    respond(c, reply->text);
  } else if (reply->code / 100 == 2) {
    on_success(c);
  } else if (reply->code / 100 == 5) { /* 535, 534, 538, 504 ... (RFC 4954 4, 6): not with this login */
    client_fail(c, TROUBLE_LOGIN, reply, "the host refused the login");
  } else {
    client_refused(c, reply); /* 454, 421: not now */
  }
}

/* AUTH (RFC 4954): the exchange. The messages are relay/submission/auth/sasl.c's, passwords are looked at by
 * auth_password.c, and what follows from the outcome is login.c's. */
#include "relay/submission/auth/auth.h"

#include "relay/submission/auth/login.h"
#include "relay/submission/auth/password.h"
#include "relay/submission/auth/sasl.h"
#include "relay/submission/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct auth_exchange {
  struct sasl_exchange *sasl;
  bool asked; /* whether this client may try as this name */
};

/* --- what is offered --- */

static bool can_bind(const struct session *s) {
  unsigned char binding[SASL_BINDING];
  return stream_tls_binding(s->stream, binding);
}

static bool has_certificate(const struct session *s) {
  struct fingerprint f;
  return stream_tls_peer(s->stream, &f);
}

/* What a mechanism needs beside the configuration's word. */
static const struct mechanism {
  bool server_first; /* its first message is the server's */
  bool (*offered)(const struct session *s);
} mechanisms[AUTH_MECHANISM_COUNT] = {
    [AUTH_LOGIN] = {.server_first = true},
    [AUTH_SCRAM_SHA_256_PLUS] = {.offered = can_bind},
    [AUTH_EXTERNAL] = {.offered = has_certificate},
};

static bool is_allowed(const struct config *c, enum auth_mechanism m) {
  for (size_t i = 0; i < c->mechanism_count; i++)
    if (c->mechanisms[i] == m) return true;
  return false;
}

static bool is_possible(const struct session *s, enum auth_mechanism m) {
  return !mechanisms[m].offered || mechanisms[m].offered(s);
}

bool auth_wants_certificate(const struct session *s) {
  return s->loop->directory->client_cert_count > 0 && is_allowed(s->submission->config, AUTH_EXTERNAL);
}

bool auth_has_mechanism(const struct session *s) {
  const struct config *c = s->submission->config;
  for (size_t i = 0; i < c->mechanism_count; i++)
    if (is_possible(s, c->mechanisms[i])) return true;
  return false;
}

/* In the order of the configuration: there are clients that take the first they know. */
void auth_announce(struct session *s) {
  const struct config *c = s->submission->config;
  char text[128];
  size_t n = 0;
  for (size_t i = 0; i < c->mechanism_count; i++)
    if (is_possible(s, c->mechanisms[i]))
      n += (size_t)snprintf(text + n, sizeof text - n, " %s", auth_mechanism_name(c->mechanisms[i]));
  reply_line(s, 250, false, "AUTH%s", text);
}

/* --- the outcome --- */

static void find_verifier(void *arg, const char *name, struct scram_verifier *out) {
  const struct session *s = arg;
  const struct account *a = directory_account(s->loop->directory, bytes_of(name));
  if (a)
    *out = a->verifier;
  else
    password_of_nobody(s->loop->directory->no_account, name, out);
}

/* It knows the password, if the verifier is still the account's. */
static void proven(struct session *s, struct sasl_exchange *x) {
  const struct account *a = directory_account(s->loop->directory, bytes_of(sasl_name(x)));
  bool right = a && memcmp(&a->verifier, sasl_verifier(x), sizeof a->verifier) == 0;
  login_decide(s, a, right, sasl_name(x), LOGIN_PASSWORD);
}

/* RFC 4422 A: whom the certificate says; a name, where one is given, must be the same. */
static void external(struct session *s, const char *name) {
  struct fingerprint f;
  bool shown = stream_tls_peer(s->stream, &f);
  const struct account *a = shown ? directory_account_by_certificate(s->loop->directory, &f) : NULL;
  login_decide(s, a, a && (!*name || strcmp(name, a->name) == 0), *name ? name : a ? a->name : "", LOGIN_CERTIFICATE);
}

/* Frees what the exchange held, and lets the session go on with commands. */
static struct sasl_exchange *end_exchange(struct session *s) {
  struct sasl_exchange *x = s->auth->sasl;
  free(s->auth);
  s->auth = NULL;
  session_set_state(s, SESSION_READY);
  return x;
}

static void conclude(struct session *s, enum sasl_step step) {
  struct sasl_exchange *x = end_exchange(s);
  switch (step) {
  case SASL_PASSWORD: auth_password(s, sasl_name(x), sasl_password(x)); break;
  case SASL_PROVEN: proven(s, x); break;
  case SASL_EXTERNAL: external(s, sasl_name(x)); break;
  case SASL_DENIED: login_decide(s, NULL, false, sasl_name(x), LOGIN_PASSWORD); break;
  case SASL_TROUBLE: reply_refused(s, 454, "4.7.0", RULE_MEMORY, "out of memory; try again later"); break;
  default:
    reply_refused(s, 501, "5.5.2", RULE_SYNTAX, "that is not what the mechanism expects");
    break; /* RFC 4954 4 */
  }
  sasl_free(&x);
}

/* A name is refused when it is given, before anything of its account is told or any work is done. */
static bool may_go_on(struct session *s, enum sasl_step step) {
  struct auth_exchange *a = s->auth;
  const char *name = sasl_name(a->sasl);
  bool whole = step == SASL_EXTERNAL; /* no name may come with it: then only the address is asked about */
  if (a->asked || (!*name && !whole)) return true;
  a->asked = true;
  if (login_may_try(s, whole ? NULL : name)) return true;
  if (s->auth) {
    struct sasl_exchange *x = end_exchange(s);
    sasl_free(&x);
  }
  return false;
}

/* --- the exchange --- */

static void step(struct session *s, const char *response) {
  char *challenge;
  enum sasl_step step = sasl_step(s->auth->sasl, response, &challenge);
  if (may_go_on(s, step)) {
    if (step == SASL_CONTINUE)
      reply_challenge(s, challenge);
    else
      conclude(s, step);
  }
  free(challenge);
}

/* With a binding at hand, a client that says it was not offered one is refused: so only where it was offered. */
static bool begin(struct session *s, enum auth_mechanism m) {
  unsigned char binding[SASL_BINDING];
  struct sasl_peer peer = {.find = find_verifier, .arg = s};
  bool bound = is_allowed(s->submission->config, AUTH_SCRAM_SHA_256_PLUS);
  if (bound && stream_tls_binding(s->stream, binding)) peer.binding = binding;
  s->auth = calloc(1, sizeof *s->auth);
  if (s->auth) s->auth->sasl = sasl_begin(auth_mechanism_name(m), &peer);
  if (!s->auth || !s->auth->sasl) {
    auth_free(&s->auth);
    reply_refused(s, 454, "4.7.0", RULE_MEMORY, "out of memory; try again later");
    return false;
  }
  session_set_state(s, SESSION_AUTH);
  return true;
}

/* The server's first message, to a client that has not waited for it. */
static void skip_challenge(struct session *s) {
  char *challenge;
  sasl_step(s->auth->sasl, "", &challenge);
  free(challenge);
}

void auth_begin(struct session *s, struct bytes name, struct bytes initial, bool has_initial) {
  enum auth_mechanism m;
  if (auth_mechanism_parse(name, &m) != OK || !is_allowed(s->submission->config, m) || !is_possible(s, m)) {
    reply_refused(s, 504, "5.5.4", RULE_SYNTAX, "that mechanism is not offered; EHLO lists them");
    return;
  }
  if (!begin(s, m)) return;
  if (has_initial && mechanisms[m].server_first) skip_challenge(s);
  if (has_initial) /* RFC 4954 4: "=" is an empty one */
    auth_continue(s, bytes_equal(initial, BYTES("=")) ? (struct bytes){"", 0} : initial);
  else if (mechanisms[m].server_first)
    step(s, "");
  else
    reply_challenge(s, "");
}

void auth_continue(struct session *s, struct bytes line) {
  if (bytes_equal(line, BYTES("*"))) {
    struct sasl_exchange *x = end_exchange(s);
    sasl_free(&x);
    reply_refused(s, 501, "5.7.0", RULE_SYNTAX, "authentication cancelled"); /* RFC 4954 4 */
    return;
  }
  char *response = bytes_dup(line);
  if (!response) {
    conclude(s, SASL_MALFORMED); /* a NUL in it, or no memory */
    return;
  }
  step(s, response);
  wipe(response, line.len);
  free(response);
}

void auth_free(struct auth_exchange **at) {
  struct auth_exchange *a = *at;
  *at = NULL;
  if (!a) return;
  if (a->sasl) sasl_free(&a->sasl);
  free(a);
}

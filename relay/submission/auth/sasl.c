#include "relay/submission/auth/sasl.h"

#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sasl_exchange {
  Gsasl_session *session;
  struct sasl_peer peer;
  unsigned char binding[SASL_BINDING];
  enum sasl_step shown; /* what the mechanism's success means */
  bool has_name, has_verifier, last_said;
  bool never_empty; /* no message of the client's is */
  bool denied;      /* by a callback; not every mechanism passes the reason on */
  struct scram_verifier verifier;
  char name[SASL_NAME_MAX + 1], password[SASL_PASSWORD_MAX + 1];
};

static Gsasl *library; /* set up once, before the loops start; read-only afterwards */

/* --- what the library asks --- */

/* Nobody acts for another: who names an authorization identity, names itself (RFC 4616 2, RFC 5802 5.1). */
static bool take_name(struct sasl_exchange *x, Gsasl_session *s) {
  const char *name = gsasl_property_fast(s, GSASL_AUTHID);
  const char *as = gsasl_property_fast(s, GSASL_AUTHZID);
  x->denied = !name || !*name || strlen(name) > SASL_NAME_MAX || (as && *as && strcmp(as, name) != 0);
  if (x->denied) return false;
  strcpy(x->name, name); /* bounded above */
  return x->has_name = true;
}

/* "Read": whether it is right is decided by the caller. */
static int take_password(struct sasl_exchange *x, Gsasl_session *s) {
  const char *password = gsasl_property_fast(s, GSASL_PASSWORD);
  if (!password || strlen(password) > SASL_PASSWORD_MAX || !take_name(x, s)) return GSASL_AUTHENTICATION_ERROR;
  strcpy(x->password, password); /* bounded above */
  return GSASL_OK;
}

static int take_identity(struct sasl_exchange *x, Gsasl_session *s) {
  const char *as = gsasl_property_fast(s, GSASL_AUTHZID);
  if (as && strlen(as) > SASL_NAME_MAX) return GSASL_AUTHENTICATION_ERROR;
  if (as) strcpy(x->name, as); /* bounded above */
  x->has_name = *x->name;
  return GSASL_OK;
}

static int give_base64(Gsasl_session *s, Gsasl_property property, const unsigned char *octets, size_t len) {
  char *text = NULL;
  size_t n;
  int rc = gsasl_base64_to((const char *)octets, len, &text, &n);
  if (rc == GSASL_OK) rc = gsasl_property_set(s, property, text);
  if (text) wipe(text, n);
  gsasl_free(text);
  return rc;
}

/* Salt, iterations and keys are asked for one by one; they are looked up once, so that they belong together. */
static int give_verifier(struct sasl_exchange *x, Gsasl_session *s, Gsasl_property property) {
  if (!x->has_verifier) {
    if (!take_name(x, s)) return GSASL_AUTHENTICATION_ERROR;
    x->peer.find(x->peer.arg, x->name, &x->verifier);
    x->has_verifier = true;
  }
  const struct scram_verifier *v = &x->verifier;
  char count[16];
  switch (property) {
  case GSASL_SCRAM_SALT: return give_base64(s, property, v->salt, sizeof v->salt);
  case GSASL_SCRAM_STOREDKEY: return give_base64(s, property, v->stored_key, sizeof v->stored_key);
  case GSASL_SCRAM_SERVERKEY: return give_base64(s, property, v->server_key, sizeof v->server_key);
  default: snprintf(count, sizeof count, "%u", v->iterations); return gsasl_property_set(s, property, count);
  }
}

static int on_property(Gsasl *ctx, Gsasl_session *s, Gsasl_property property) {
  (void)ctx;
  struct sasl_exchange *x = gsasl_session_hook_get(s);
  if (!x) return GSASL_NO_CALLBACK;
  switch (property) {
  case GSASL_VALIDATE_SIMPLE: return take_password(x, s);
  case GSASL_VALIDATE_EXTERNAL: return take_identity(x, s);
  case GSASL_CB_TLS_EXPORTER:
    return x->peer.binding ? give_base64(s, property, x->binding, sizeof x->binding) : GSASL_NO_CALLBACK;
  case GSASL_SCRAM_ITER:
  case GSASL_SCRAM_SALT:
  case GSASL_SCRAM_STOREDKEY:
  case GSASL_SCRAM_SERVERKEY: return give_verifier(x, s, property);
  default: return GSASL_NO_CALLBACK;
  }
}

/* --- life --- */

int sasl_setup(void) {
  if (gsasl_init(&library) != GSASL_OK) return E_MEMORY;
  gsasl_callback_set(library, on_property);
  return OK;
}

void sasl_teardown(void) {
  if (library) gsasl_done(library);
  library = NULL;
}

struct sasl_exchange *sasl_begin(const char *mechanism, const struct sasl_peer *peer) {
  struct sasl_exchange *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->peer = *peer;
  if (peer->binding) memcpy(x->binding, peer->binding, sizeof x->binding);
  x->peer.binding = peer->binding ? x->binding : NULL;
  x->shown = strncmp(mechanism, "SCRAM-", 6) == 0 ? SASL_PROVEN
             : strcmp(mechanism, "EXTERNAL") == 0 ? SASL_EXTERNAL
                                                  : SASL_PASSWORD;
  x->never_empty = x->shown == SASL_PROVEN || strcmp(mechanism, "PLAIN") == 0;
  if (gsasl_server_start(library, mechanism, &x->session) != GSASL_OK) sasl_free(&x);
  if (x) gsasl_session_hook_set(x->session, x);
  return x;
}

void sasl_free(struct sasl_exchange **at) {
  struct sasl_exchange *x = *at;
  *at = NULL;
  if (!x) return;
  if (x->session) gsasl_finish(x->session);
  wipe(x, sizeof *x);
  free(x);
}

/* --- the exchange --- */

static enum sasl_step meaning_of(int rc) {
  switch (rc) {
  case GSASL_AUTHENTICATION_ERROR: return SASL_DENIED;
  case GSASL_MALLOC_ERROR: return SASL_TROUBLE;
  default: return SASL_MALFORMED;
  }
}

enum sasl_step sasl_step(struct sasl_exchange *x, const char *response, char **challenge) {
  char *output = NULL;
  *challenge = NULL;
  /* SMTP has no way to say something with success: the server's last words were a challenge, and an empty response has
   * to follow it (RFC 4954 4). */
  if (x->last_said) return *response ? SASL_MALFORMED : x->shown;
  if (x->never_empty && !*response) return SASL_MALFORMED;
  int rc = gsasl_step64(x->session, response, &output);
  if (rc != GSASL_OK && rc != GSASL_NEEDS_MORE) {
    gsasl_free(output);
    return x->denied ? SASL_DENIED : meaning_of(rc);
  }
  bool more = rc == GSASL_NEEDS_MORE || (output && *output);
  x->last_said = rc == GSASL_OK && more;
  if (more) *challenge = strdup(output ? output : "");
  gsasl_free(output);
  if (more) return *challenge ? SASL_CONTINUE : SASL_TROUBLE;
  return x->shown;
}

const char *sasl_name(const struct sasl_exchange *x) {
  return x->has_name ? x->name : "";
}
const char *sasl_password(const struct sasl_exchange *x) {
  return x->password;
}
const struct scram_verifier *sasl_verifier(const struct sasl_exchange *x) {
  return &x->verifier;
}

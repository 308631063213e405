#include "relay/delivery/client/login.h"

#include "base/result.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

/* A library handle of its own: an exchange is short and rare, and so no thread shares one. */
struct login_exchange {
  Gsasl *library;
  Gsasl_session *session;
  bool scram, speaks_first, done;
  unsigned messages, most; /* of ours: so many were made, and there can be */
  struct buffer bearer;    /* secret: the one message of a mechanism with a token, which libgsasl does not know */
  const char *bearer_ack;  /* NULL, or in base64 what an error of such a mechanism is answered with */
};

const char *login_mechanism(unsigned offered, bool binding) {
  static const struct {
    enum ehlo_auth is;
    bool binds;
    const char *name;
  } by_strength[] = {
      {EHLO_SCRAM_SHA_256_PLUS, true, "SCRAM-SHA-256-PLUS"},
      {EHLO_SCRAM_SHA_1_PLUS, true, "SCRAM-SHA-1-PLUS"},
      {EHLO_SCRAM_SHA_256, false, "SCRAM-SHA-256"},
      {EHLO_SCRAM_SHA_1, false, "SCRAM-SHA-1"},
      {EHLO_PLAIN, false, "PLAIN"},
      {EHLO_LOGIN, false, "LOGIN"},
  };
  for (size_t i = 0; i < sizeof by_strength / sizeof *by_strength; i++)
    if (offered & by_strength[i].is && (binding || !by_strength[i].binds)) return by_strength[i].name;
  return NULL;
}

const char *login_token_mechanism(unsigned offered) {
  return offered & EHLO_OAUTHBEARER ? "OAUTHBEARER" : offered & EHLO_XOAUTH2 ? "XOAUTH2" : NULL;
}

static int set_text(Gsasl_session *s, Gsasl_property property, struct bytes text) {
  return gsasl_property_set_raw(s, property, text.at, text.len);
}

static int set_binding(Gsasl_session *s, const unsigned char *binding) {
  char *text = NULL;
  size_t n;
  int rc = gsasl_base64_to((const char *)binding, LOGIN_BINDING, &text, &n);
  if (rc == GSASL_OK) rc = gsasl_property_set(s, GSASL_CB_TLS_EXPORTER, text);
  gsasl_free(text);
  return rc;
}

static int prepare(struct login_exchange *x, const char *mechanism, const struct login *login,
                   const unsigned char *binding) {
  int rc = gsasl_init(&x->library);
  if (rc == GSASL_OK) rc = gsasl_client_start(x->library, mechanism, &x->session);
  if (rc == GSASL_OK) rc = set_text(x->session, GSASL_AUTHID, bytes_of(login->user));
  if (rc == GSASL_OK) rc = set_text(x->session, GSASL_PASSWORD, login->secret);
  return rc == GSASL_OK && binding ? set_binding(x->session, binding) : rc;
}

/* --- tokens --- */

/* RFC 5801 4: in a name of the GS2 header, "," and "=" are written so. */
static int add_gs2_name(struct buffer *b, const char *name) {
  int rc = OK;
  for (; rc == OK && *name; name++)
    rc = *name == ',' ? buffer_add(b, "=2C", 3) : *name == '=' ? buffer_add(b, "=3D", 3) : buffer_add(b, name, 1);
  return rc;
}

/* RFC 7628 3.1 */
static int write_oauthbearer(struct buffer *b, const struct login *login) {
  int rc = buffer_add(b, "n,a=", 4);
  if (rc == OK) rc = add_gs2_name(b, login->user);
  if (rc == OK) rc = buffer_addf(b, ",\001host=%s\001port=%u\001auth=Bearer ", login->host, login->port);
  if (rc == OK) rc = buffer_add_bytes(b, login->secret);
  return rc == OK ? buffer_add(b, "\001\001", 2) : rc;
}

/* As Google and Microsoft describe it. */
static int write_xoauth2(struct buffer *b, const struct login *login) {
  int rc = buffer_addf(b, "user=%s\001auth=Bearer ", login->user);
  if (rc == OK) rc = buffer_add_bytes(b, login->secret);
  return rc == OK ? buffer_add(b, "\001\001", 2) : rc;
}

/* After an error the host sends it as a challenge, and waits for this before it says 535: one octet of 1 (RFC 7628
 * 3.2.3), or nothing. */
static int prepare_bearer(struct login_exchange *x, const char *mechanism, const struct login *login) {
  bool standard = !strcmp(mechanism, "OAUTHBEARER");
  x->bearer_ack = standard ? "AQ==" : "";
  return standard ? write_oauthbearer(&x->bearer, login) : write_xoauth2(&x->bearer, login);
}

static int step_bearer(struct login_exchange *x, struct buffer *out) {
  char *text = NULL;
  size_t n;
  if (x->done) return buffer_add_bytes(out, bytes_of(x->bearer_ack));
  x->done = true;
  if (gsasl_base64_to(x->bearer.at, x->bearer.len, &text, &n) != GSASL_OK) return E_MEMORY;
  int rc = buffer_add(out, text, n);
  wipe(text, n);
  gsasl_free(text);
  return rc;
}

/* --- all of them --- */

static bool binds(const char *mechanism) {
  const char *plus = strstr(mechanism, "-PLUS");
  return plus && !plus[5];
}

/* RFC 5802 6 has a client that could have bound say so ("y"), so that an offer of -PLUS that was taken away is noticed;
 * libgsasl 2.2.0 has no client for that. Who could take it away is kept out by the certificate. */
struct login_exchange *login_begin(const char *mechanism, const struct login *login, const unsigned char *binding) {
  struct login_exchange *x = calloc(1, sizeof *x);
  if (!x) return NULL;
  x->scram = !strncmp(mechanism, "SCRAM-", 6);
  bool plain = !strcmp(mechanism, "PLAIN");
  x->speaks_first = login->token || x->scram || plain;
  x->most = x->scram ? 3
            : plain  ? 1
                     : 2; /* SCRAM's last is empty; LOGIN's are two; a token's second answers an error */
  buffer_init_secret(&x->bearer, LOGIN_RESPONSE_MAX);
  if (login->token && prepare_bearer(x, mechanism, login) != OK) login_free(&x);
  if (login->token || !x) return x;
  if (prepare(x, mechanism, login, binds(mechanism) ? binding : NULL) != GSASL_OK) login_free(&x);
  return x;
}

/* libgsasl frees its copies as they are: of the password, and of what SCRAM makes of it, which is as good. */
static void forget(Gsasl_session *s) {
  static const Gsasl_property secrets[] = {GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD};
  for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++) {
    const char *secret = gsasl_property_fast(s, secrets[i]);
    if (secret) wipe((char *)(uintptr_t)secret, strlen(secret));
  }
  gsasl_finish(s);
}

void login_free(struct login_exchange **at) {
  struct login_exchange *x = *at;
  *at = NULL;
  if (!x) return;
  if (x->session) forget(x->session);
  if (x->library) gsasl_done(x->library);
  buffer_wipe_free(&x->bearer);
  free(x);
}

bool login_speaks_first(const struct login_exchange *x) {
  return x->speaks_first;
}

static int result_of(int rc) {
  switch (rc) {
  case GSASL_OK:
  case GSASL_NEEDS_MORE: return OK;
  case GSASL_MALLOC_ERROR: return E_MEMORY;
  case GSASL_AUTHENTICATION_ERROR: return E_DENIED;
  default: return E_SYNTAX;
  }
}

/* The host says how often SCRAM's hash is made (RFC 5802 5.1, "i="), on this thread: without a bound it could keep the
 * loop busy for minutes. */
static bool asks_too_much(const char *challenge) {
  char *text = NULL;
  size_t n;
  uint64_t rounds = 0;
  if (gsasl_base64_from(challenge, strlen(challenge), &text, &n) != GSASL_OK) return false; /* libgsasl says it */
  struct bytes rest = {text, n};
  bool too_much = false;
  while (rest.len) {
    size_t end = bytes_find(rest, ',', 0);
    struct bytes part = {rest.at, end};
    if (part.len > 2 && part.at[0] == 'i' && part.at[1] == '=')
      too_much |= !bytes_to_u64(bytes_from(part, 2), &rounds) || rounds > LOGIN_ROUNDS_MAX;
    rest = bytes_from(rest, end < rest.len ? end + 1 : end);
  }
  gsasl_free(text);
  return too_much;
}

/* LOGIN has no specification, and its challenges many texts: the first asks for the name, the second for the
 * password. */
int login_step(struct login_exchange *x, const char *challenge, struct buffer *out) {
  char *response = NULL;
  if (x->messages == x->most) return E_SYNTAX;
  x->messages++;
  if (x->bearer_ack) return step_bearer(x, out);
  if (x->scram && asks_too_much(challenge)) return E_TOO_BIG;
  int rc = gsasl_step64(x->session, x->scram ? challenge : "", &response);
  x->done = rc == GSASL_OK;
  int result = result_of(rc);
  if (result == OK && response) result = buffer_add_bytes(out, bytes_of(response));
  if (response) wipe(response, strlen(response));
  gsasl_free(response);
  return result;
}

bool login_is_proven(const struct login_exchange *x) {
  return !x->scram || x->done;
}

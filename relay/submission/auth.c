/* AUTH (RFC 4954) through libgsasl, the one user of it: libgsasl reads the mechanisms' messages, the decision is ours
 * and may take a trip to libuv's pool. A wrong password and an unknown name get the same reply after the same work. */
#include "relay/submission/auth.h"
#include "base/log.h"
#include "relay/submission/auth_cache.h"
#include "relay/submission/password.h"
#include "relay/submission/refusal.h"
#include "relay/submission/session.h"

#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_OCTETS 255
#define PASSWORD_MAX 1024

struct auth_exchange {
  Gsasl_session *sasl;
  bool captured;
  char name[NAME_MAX_OCTETS + 1], password[PASSWORD_MAX + 1];
};

/* One derivation on the pool. Holds copies: the session may close meanwhile. */
struct auth_check {
  uv_work_t work;
  struct session *session;
  int64_t account_id; /* 0: there is no such account; the work is done all the same */
  struct scram_verifier verifier;
  char name[NAME_MAX_OCTETS + 1], password[PASSWORD_MAX + 1];
  bool right;
};

struct auth_delay {
  uv_timer_t timer;
  struct session *session;
};

static Gsasl *library; /* set up once, before the loops start; read-only afterwards */

static int on_property(Gsasl *ctx, Gsasl_session *sasl, Gsasl_property property) {
  (void)ctx;
  struct auth_exchange *a = gsasl_session_hook_get(sasl);
  if (property != GSASL_VALIDATE_SIMPLE || !a) return GSASL_NO_CALLBACK;
  const char *name = gsasl_property_fast(sasl, GSASL_AUTHID);
  const char *as = gsasl_property_fast(sasl, GSASL_AUTHZID);
  const char *password = gsasl_property_fast(sasl, GSASL_PASSWORD);
  if (!name || !password || strlen(name) > NAME_MAX_OCTETS || strlen(password) > PASSWORD_MAX)
    return GSASL_AUTHENTICATION_ERROR;
  if (as && *as && strcmp(as, name) != 0) return GSASL_AUTHENTICATION_ERROR; /* nobody acts for another (RFC 4616 2) */
  strcpy(a->name, name);                                                     /* bounded above */
  strcpy(a->password, password);
  a->captured = true;
  return GSASL_OK; /* "read": whether it is right is decided below */
}

int auth_setup(void) {
  if (gsasl_init(&library) != GSASL_OK) return E_MEMORY;
  gsasl_callback_set(library, on_property);
  return OK;
}

void auth_teardown(void) {
  if (library) gsasl_done(library);
  library = NULL;
}

void auth_free(struct auth_exchange **at) {
  struct auth_exchange *a = *at;
  *at = NULL;
  if (!a) return;
  if (a->sasl) gsasl_finish(a->sasl);
  wipe(a, sizeof *a);
  free(a);
}

/* --- the outcome --- */

static void success(struct session *s, const struct account *a) {
  s->account_id = a->id;
  s->admitted = false;
  bytes_copy(bytes_of(a->name), s->account, sizeof s->account);
  login_right(s, a);
  log_event(LOG_INFO_, s->id, "authenticated", "account", s->account, NULL);
  reply(s, 235, "2.7.0", "welcome, %s", a->name);
}

static void say_no(struct session *s) {
  if (++s->auth_failures >= AUTH_FAILURES_MAX) {
    reply(s, 421, "4.7.0", "too many failed logins");
    session_close(s, true, "too many failed logins");
    return;
  }
  reply(s, 535, "5.7.8", "user name or password is wrong"); /* RFC 4954 6; never which */
}

static void on_delay_closed(uv_handle_t *handle) {
  struct auth_delay *d = handle->data;
  struct session *s = d->session;
  free(d);
  if (!s->closing) {
    say_no(s);
    session_resume(s);
  }
  session_unhold(s);
}

static void on_delay(uv_timer_t *timer) {
  uv_close((uv_handle_t *)timer, on_delay_closed);
}

/* A line in the account's log, so that its owner can see why an application cannot send. Names that are no account make
 * none. */
static void note_failure(struct session *s, const char *name) {
  const struct account *a = directory_account(s->loop->directory, bytes_of(name));
  /* A name that is no account may be a password, typed into the wrong field. */
  log_event(LOG_WARN_, s->id, "login failed", "account", a ? name : "(no such account)", "client", s->peer, NULL);
  if (!a) return;
  char ref[REF_LENGTH + 1];
  struct event e = {.account = a->name,
                    .code = 535,
                    .enhanced = "5.7.8",
                    .text = "login failed: the password is wrong",
                    .host = s->peer};
  refusal_note(s->loop->refusals, s->peer, &e, ref);
}

/* The session is waiting. */
static void failure(struct session *s, const char *name) {
  note_failure(s, name);
  struct auth_delay *d = calloc(1, sizeof *d);
  if (!d) {
    session_close(s, false, "out of memory");
    return;
  }
  d->session = s;
  d->timer.data = d;
  session_hold(s);
  uv_timer_init(&s->loop->uv, &d->timer);
  uv_timer_start(&d->timer, on_delay, login_failed(s, name), 0);
}

static void decide(struct session *s, const struct account *a, bool right, const char *name) {
  if (!right || !a) {
    failure(s, name);
    return;
  }
  if (a->suspended) /* only to the one who knows the password; RFC 5248: 5.7.13 */
    reply(s, 535, "5.7.13", "%s is suspended: %s", a->name, a->suspend_reason);
  else
    success(s, a);
  session_resume(s);
}

/* --- the work --- */

static void work(uv_work_t *req) {
  struct auth_check *c = req->data;
  c->right = password_matches(bytes_of(c->password), &c->verifier) && c->account_id != 0;
}

static void worked(uv_work_t *req, int status) {
  struct auth_check *c = req->data;
  struct session *s = c->session;
  (void)status;
  if (!s->closing) {
    const struct account *a = c->account_id ? directory_account_by_id(s->loop->directory, c->account_id) : NULL;
    bool same = a && memcmp(&a->verifier, &c->verifier, sizeof a->verifier) == 0; /* not changed meanwhile */
    if (c->right && same) auth_cache_learn(s->loop->auth_cache, a, bytes_of(c->password));
    decide(s, a, c->right && same, c->name);
  }
  wipe(c, sizeof *c);
  free(c);
  session_unhold(s);
}

static void verify(struct session *s, struct auth_exchange *x) {
  if (!login_may_try(s, x->name)) return;
  const struct account *a = directory_account(s->loop->directory, bytes_of(x->name));
  session_wait(s, "password");
  if (a && auth_cache_knows(s->loop->auth_cache, a, bytes_of(x->password))) {
    decide(s, a, true, x->name);
    return;
  }
  struct auth_check *c = calloc(1, sizeof *c);
  if (!c) {
    session_close(s, false, "out of memory");
    return;
  }
  c->session = s;
  c->work.data = c;
  c->account_id = a ? a->id : 0;
  if (a)
    c->verifier = a->verifier;
  else
    c->verifier.iterations = PASSWORD_ITERATIONS_GENERATED; /* as much work as for a real one */
  memcpy(c->name, x->name, sizeof c->name);
  memcpy(c->password, x->password, sizeof c->password);
  session_hold(s);
  uv_queue_work(&s->loop->uv, &c->work, work, worked); /* fails only for a NULL work function */
}

/* --- the exchange --- */

static void end_exchange(struct session *s) {
  auth_free(&s->auth);
  session_set_state(s, SESSION_READY);
}

static void step(struct session *s, const char *input) {
  char *output = NULL;
  int rc = gsasl_step64(s->auth->sasl, input, &output);
  if (rc == GSASL_NEEDS_MORE) {
    reply(s, 334, NULL, "%s", output ? output : "");
  } else if (rc == GSASL_OK && s->auth->captured) {
    struct auth_exchange *x = s->auth; /* kept until verify has its copies */
    s->auth = NULL;
    session_set_state(s, SESSION_READY);
    verify(s, x);
    auth_free(&x);
  } else {
    char name[NAME_MAX_OCTETS + 1];
    bytes_copy(bytes_of(s->auth->name), name, sizeof name);
    end_exchange(s);
    if (rc == GSASL_AUTHENTICATION_ERROR) {
      session_wait(s, "password");
      failure(s, name);
    } else {
      reply(s, 501, "5.5.2", "that is not what the mechanism expects: %s", gsasl_strerror(rc)); /* RFC 4954 4 */
    }
  }
  gsasl_free(output);
}

/* LOGIN begins with the server's prompt for the name; a client that sends the name with AUTH has not waited for it. */
static void skip_prompt(struct session *s) {
  char *prompt = NULL;
  gsasl_step64(s->auth->sasl, "", &prompt);
  gsasl_free(prompt);
}

void auth_begin(struct session *s, struct bytes mechanism, struct bytes initial, bool has_initial) {
  const char *name = bytes_equal_nocase(mechanism, BYTES("PLAIN"))   ? "PLAIN"
                     : bytes_equal_nocase(mechanism, BYTES("LOGIN")) ? "LOGIN"
                                                                     : NULL;
  if (!name) {
    reply(s, 504, "5.5.4", "that mechanism is not offered; EHLO lists them");
    return;
  }
  s->auth = calloc(1, sizeof *s->auth);
  if (!s->auth || gsasl_server_start(library, name, &s->auth->sasl) != GSASL_OK) {
    auth_free(&s->auth);
    reply(s, 454, "4.7.0", "out of memory; try again later");
    return;
  }
  gsasl_session_hook_set(s->auth->sasl, s->auth);
  session_set_state(s, SESSION_AUTH);
  if (has_initial && strcmp(name, "LOGIN") == 0) skip_prompt(s);
  if (has_initial)
    auth_continue(s, bytes_equal(initial, BYTES("=")) ? (struct bytes){"", 0}
                                                      : initial); /* RFC 4954 4: "=" is an empty one */
  else
    step(s, "");
}

void auth_continue(struct session *s, struct bytes line) {
  if (bytes_equal(line, BYTES("*"))) {
    end_exchange(s);
    reply(s, 501, "5.7.0", "authentication cancelled"); /* RFC 4954 4 */
    return;
  }
  char *input = bytes_dup(line);
  if (!input) {
    end_exchange(s);
    reply(s, 501, "5.5.2", "that is not base64");
    return;
  }
  step(s, input);
  wipe(input, line.len);
  free(input);
}

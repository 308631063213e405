/* Logins: who may try, what the answer is, and what too many failures lead to (relay/submission/auth/bans.h). */
#include "relay/submission/auth/login.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/submission/auth/login_bans.h"
#include "relay/submission/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_FIRST_MS UINT64_C(500)
#define DELAY_MAX_MS 30000
#define FAILURES_MAX 5 /* of one session */

static void format_left(uint64_t ms, char *out, size_t size) {
  clock_format_span((int64_t)ms * 1000, out, size);
}

/* A name that is no account may be a password, typed into the wrong field: it is not logged. */
static const char *shown(const struct account *a) {
  return a ? a->name : "(no such account)";
}

/* RFC 4954 4: 454, a temporary failure. Counted with the failures of the session, which end it. */
static void refuse_login(struct session *s, const char *name, uint64_t left_ms, bool banned) {
  char left[40], text[192];
  format_left(left_ms, left, sizeof left);
  log_event(LOG_WARN_, s->id, "login refused", "account", shown(directory_account(s->loop->directory, bytes_of(name))),
            "client", s->peer, "reason", banned ? "address banned" : "account restricted", "for", left, NULL);
  if (++s->login_failures >= FAILURES_MAX) {
    session_refuse(s, "4.7.0", RULE_BANNED, "too many failed logins");
    return;
  }
  snprintf(text, sizeof text,
           banned
               ? "too many failed logins from your address: none is taken from it for %s"
               : "too many failed logins to this account: for %s only addresses that have logged in to it before may",
           left);
  reply_refused(s, 454, "4.7.0", banned ? RULE_BANNED : RULE_LOGIN_RESTRICTED, "%s", text);
}

void login_turn_away(struct session *s, uint64_t left_ms) {
  char left[40], text[128];
  format_left(left_ms, left, sizeof left);
  snprintf(text, sizeof text, "too many failed logins from your address; try again in %s", left);
  session_refuse(s, "4.7.0", RULE_BANNED, text);
}

bool login_may_try(struct session *s, const char *name) {
  struct login_bans *b = s->submission->bans;
  uint64_t banned = login_bans_banned(b, session_client(s));
  uint64_t restricted = banned || !name ? 0 : login_bans_restricted(b, session_client(s), name);
  if (!banned && !restricted) return true;
  if (banned && s->proof != LOGIN_ADDRESS)
    login_turn_away(s, banned);
  else /* an address that needs no login goes on without one */
    refuse_login(s, name ? name : "", banned + restricted, banned > 0);
  return false;
}

static void log_restriction(struct session *s, const struct account *a, const char *span) {
  struct refusal r = {0};
  refuse(&r, 454, "4.7.0", RULE_LOGIN_RESTRICTED,
         "too many failed logins from unknown addresses: for %s only addresses that have logged in before may", span);
  reply_log_refusal(s, &r, "", "", a->name);
}

/* Counted and logged; returns the milliseconds that the answer is to be delayed. */
static uint64_t count_failure(struct session *s, const char *name) {
  const struct account *a = directory_account(s->loop->directory, bytes_of(name));
  struct login_failure f;
  char span[40];
  format_left((uint64_t)s->submission->config->ban_us / 1000, span, sizeof span);
  login_bans_failed(s->submission->bans, session_client(s), name, a != NULL, &f);
  if (f.banned) log_event(LOG_WARN_, s->id, "address banned", "client", s->peer, "for", span, NULL);
  if (f.restricted) log_event(LOG_WARN_, s->id, "account restricted", "account", shown(a), "for", span, NULL);
  if (f.restricted && a) log_restriction(s, a, span);
  /* Doubles with each failure of the window. Without memory to count with: the longest. */
  uint64_t delay = f.failures && f.failures < 16 ? DELAY_FIRST_MS << (f.failures - 1) : DELAY_MAX_MS;
  return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

/* --- the outcome --- */

static void login_without_auth(struct session *s, const struct account *a, enum login_proof proof) {
  s->account_id = a->id;
  s->proof = proof;
  bytes_copy(bytes_of(a->name), s->account, sizeof s->account);
}

void login_by_address(struct session *s, const struct account *a) {
  login_without_auth(s, a, LOGIN_ADDRESS);
}

void login_by_command(struct session *s, const struct account *a) {
  login_without_auth(s, a, LOGIN_COMMAND);
}

static const struct account *account_of_user(const struct session *s) {
  return s->identity == CLIENT_KNOWN ? directory_account_by_user(s->loop->directory, s->user, s->uid) : NULL;
}

bool login_by_user(struct session *s) {
  const struct account *a = account_of_user(s);
  if (a) login_without_auth(s, a, LOGIN_USER);
  return a != NULL;
}

void login_end(struct session *s) {
  s->account_id = 0;
  s->account[0] = '\0';
  s->proof = LOGIN_NONE;
}

struct login_delay {
  uv_timer_t timer;
  struct session *session;
  struct refusal refusal;
  char ref[REF_LENGTH + 1];
};

static void succeed(struct session *s, const struct account *a, enum login_proof proof) {
  struct fingerprint f;
  s->account_id = a->id;
  s->proof = proof;
  if (proof == LOGIN_PASSWORD)
    memcpy(s->proven, a->verifier.stored_key, sizeof s->proven);
  else if (stream_tls_peer(s->stream, &f))
    memcpy(s->proven, f.sha256, sizeof s->proven);
  bytes_copy(bytes_of(a->name), s->account, sizeof s->account);
  login_bans_succeeded(s->submission->bans, session_client(s), a->name);
  log_event(LOG_INFO_, s->id, "authenticated", "account", s->account, "by",
            proof == LOGIN_CERTIFICATE ? "certificate" : "password", NULL);
  reply(s, 235, "2.7.0", "welcome, %s", a->name);
}

static void reply_failed(struct session *s, const struct refusal *r, const char *ref) {
  if (++s->login_failures >= FAILURES_MAX)
    session_refuse(s, "4.7.0", RULE_BANNED, "too many failed logins");
  else
    reply(s, r->code, r->enhanced, "%s. sendoff why %s", r->text, ref);
}

bool login_holds(const struct session *s, const struct account *a) {
  struct fingerprint f;
  switch (s->proof) {
  case LOGIN_PASSWORD: return equal_constant_time(s->proven, a->verifier.stored_key, sizeof s->proven);
  case LOGIN_CERTIFICATE:
    memcpy(f.sha256, s->proven, sizeof f.sha256);
    return directory_account_by_certificate(s->loop->directory, &f) == a;
  case LOGIN_COMMAND: return true; /* for this one connection */
  case LOGIN_USER: return account_of_user(s) == a;
  default: return directory_account_by_client(s->loop->directory, session_client(s)) == a;
  }
}

static void on_delay_closed(uv_handle_t *handle) {
  struct login_delay *d = handle->data;
  struct session *s = d->session;
  s->login_delay = NULL;
  if (!session_is_closed(s)) {
    reply_failed(s, &d->refusal, d->ref);
    session_resume(s);
  }
  free(d);
  session_unhold(s);
}

static void on_delay(uv_timer_t *timer) {
  if (!uv_is_closing((uv_handle_t *)timer)) uv_close((uv_handle_t *)timer, on_delay_closed);
}

void login_hurry(struct session *s) {
  if (s->login_delay) on_delay(&s->login_delay->timer);
}

/* RFC 4954 6: never which half was wrong. A certificate is no secret, so there the reason may be said. The line is in
 * the account's own log, so that its owner can see why an application cannot send; of a name that is no account, it is
 * in nobody's. */
static void log_failure(struct session *s, const char *name, enum login_proof proof, struct login_delay *d) {
  const struct account *a = directory_account(s->loop->directory, bytes_of(name));
  char certificate[FINGERPRINT_TEXT] = "";
  struct fingerprint f;
  if (proof == LOGIN_CERTIFICATE && stream_tls_peer(s->stream, &f)) fingerprint_format(&f, certificate);
  log_event(LOG_WARN_, s->id, "login failed", "account", shown(a), "client", s->peer,
            *certificate ? "certificate" : NULL, certificate, NULL);
  if (proof == LOGIN_CERTIFICATE)
    refuse(&d->refusal, 535, "5.7.8", RULE_LOGIN,
           "your certificate is not bound to that account; sendoff account set NAME --client-cert");
  else
    refuse(&d->refusal, 535, "5.7.8", RULE_LOGIN, "user name or password is wrong");
  strcpy(d->ref, reply_log_refusal(s, &d->refusal, "", "", a ? a->name : "")); /* of the same size */
}

static void fail_login(struct session *s, const char *name, enum login_proof proof) {
  struct login_delay *d = calloc(1, sizeof *d);
  if (!d) {
    session_close(s, false, "out of memory");
    return;
  }
  log_failure(s, name, proof, d);
  s->login_delay = d;
  d->session = s;
  d->timer.data = d;
  if (!s->waiting) session_wait(s, WAIT_LOGIN);
  session_hold(s);
  uv_timer_init(&s->loop->uv, &d->timer);
  uint64_t delay = count_failure(s, name);
  uv_timer_start(&d->timer, on_delay, s->submission->draining ? 0 : delay, 0);
}

void login_decide(struct session *s, const struct account *a, bool right, const char *name, enum login_proof proof) {
  if (!right || !a) {
    fail_login(s, name, proof);
    return;
  }
  succeed(s, a, proof); /* also of a suspended one: MAIL says why, where clients show it */
  session_resume(s);
}

/* Logins: who may try, what the answer is, and what too many failures lead to (relay/submission/auth/bans.h). */
#include "base/log.h"
#include "relay/submission/admission.h"
#include "relay/submission/refusal.h"
#include "relay/submission/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DELAY_FIRST_MS UINT64_C(500)
#define DELAY_MAX_MS 30000

static void format_left(uint64_t ms, char *out, size_t size) {
  clock_format_span((int64_t)ms * 1000, out, size);
}

/* A name that is no account may be a password, typed into the wrong field: it is not logged. */
static const char *shown(const struct account *a) {
  return a ? a->name : "(no such account)";
}

/* RFC 4954 4: 454, a temporary failure. Counted with the failures of the session, which end it. */
static void refuse(struct session *s, const char *name, uint64_t left_ms, bool banned) {
  char left[40], words[192];
  format_left(left_ms, left, sizeof left);
  log_event(LOG_WARN_, s->id, "login refused", "account", shown(directory_account(s->loop->directory, bytes_of(name))),
            "client", s->peer, "reason", banned ? "address banned" : "account guarded", "for", left, NULL);
  if (++s->auth_failures >= AUTH_FAILURES_MAX) {
    session_turn_away(s, "4.7.0", "too many failed logins", "too many failed logins");
    return;
  }
  snprintf(words, sizeof words,
           banned
               ? "too many failed logins from your address: none is taken from it for %s"
               : "too many failed logins to this account: for %s only addresses that have logged in to it before may",
           left);
  reply(s, 454, "4.7.0", "%s", words);
}

void login_turn_away(struct session *s, uint64_t left_ms) {
  char left[40], words[128];
  format_left(left_ms, left, sizeof left);
  snprintf(words, sizeof words, "too many failed logins from your address; try again in %s", left);
  session_turn_away(s, "4.7.0", words, "banned");
}

bool login_may_try(struct session *s, const char *name) {
  struct admission *a = s->loop->gateway->admission;
  uint64_t banned = admission_banned(a, session_client(s));
  uint64_t guarded = banned || !name ? 0 : admission_guarded(a, session_client(s), name);
  if (!banned && !guarded) return true;
  if (banned && !s->admitted)
    login_turn_away(s, banned);
  else /* an admitted address: its mail without a login goes on */
    refuse(s, name ? name : "", banned + guarded, banned > 0);
  return false;
}

/* A line in the account's own log, so that its owner can see why a new address is refused. */
static void note_guard(struct session *s, const struct account *a, const char *span) {
  char ref[REF_LENGTH + 1], text[160];
  snprintf(text, sizeof text,
           "too many failed logins from unknown addresses: for %s only addresses that have logged in before may", span);
  struct event e = {.account = a->name, .code = 454, .enhanced = "4.7.0", .text = text, .host = s->peer};
  refusal_note(s->loop->refusals, "guarded", &e, ref);
}

/* Counted and logged; returns the milliseconds that the answer is to be delayed. */
static uint64_t count_failure(struct session *s, const char *name) {
  const struct account *a = directory_account(s->loop->directory, bytes_of(name));
  struct login_failure f;
  char span[40];
  format_left((uint64_t)s->loop->gateway->config->ban_us / 1000, span, sizeof span);
  admission_login_failed(s->loop->gateway->admission, session_client(s), name, a != NULL, &f);
  if (f.banned) log_event(LOG_WARN_, s->id, "address banned", "client", s->peer, "for", span, NULL);
  if (f.guarded) log_event(LOG_WARN_, s->id, "account guarded", "account", shown(a), "for", span, NULL);
  if (f.guarded && a) note_guard(s, a, span);
  /* Doubles with each failure of the window. Without memory to count with: the longest. */
  uint64_t delay = f.failures && f.failures < 16 ? DELAY_FIRST_MS << (f.failures - 1) : DELAY_MAX_MS;
  return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

/* --- the outcome --- */

struct login_delay {
  uv_timer_t timer;
  struct session *session;
  enum login_proof proof;
};

static void success(struct session *s, const struct account *a, enum login_proof proof) {
  struct fingerprint f;
  s->account_id = a->id;
  s->admitted = false;
  s->proof = proof;
  if (proof == LOGIN_PASSWORD)
    memcpy(s->proven, a->verifier.stored_key, sizeof s->proven);
  else if (stream_tls_peer(s->stream, &f))
    memcpy(s->proven, f.sha256, sizeof s->proven);
  bytes_copy(bytes_of(a->name), s->account, sizeof s->account);
  admission_login_right(s->loop->gateway->admission, session_client(s), a->name);
  log_event(LOG_INFO_, s->id, "authenticated", "account", s->account, "by",
            proof == LOGIN_CERTIFICATE ? "certificate" : "password", NULL);
  reply(s, 235, "2.7.0", "welcome, %s", a->name);
}

/* RFC 4954 6; never which half was wrong. A certificate is no secret, so there the reason may be said. */
static void say_no(struct session *s, enum login_proof proof) {
  if (++s->auth_failures >= AUTH_FAILURES_MAX)
    session_turn_away(s, "4.7.0", "too many failed logins", "too many failed logins");
  else if (proof == LOGIN_CERTIFICATE)
    reply(s, 535, "5.7.8", "your certificate is not bound to that account; sendoff account set NAME --client-cert");
  else
    reply(s, 535, "5.7.8", "user name or password is wrong");
}

bool login_holds(const struct session *s, const struct account *a) {
  struct fingerprint f;
  switch (s->proof) {
  case LOGIN_PASSWORD: return equal_constant_time(s->proven, a->verifier.stored_key, sizeof s->proven);
  case LOGIN_CERTIFICATE:
    memcpy(f.sha256, s->proven, sizeof f.sha256);
    return directory_account_by_certificate(s->loop->directory, &f) == a;
  default: return directory_account_by_client(s->loop->directory, session_client(s)) == a;
  }
}

static void on_delay_closed(uv_handle_t *handle) {
  struct login_delay *d = handle->data;
  struct session *s = d->session;
  enum login_proof proof = d->proof;
  free(d);
  s->login_delay = NULL;
  if (!s->closing) {
    say_no(s, proof);
    session_resume(s);
  }
  session_unhold(s);
}

static void on_delay(uv_timer_t *timer) {
  if (!uv_is_closing((uv_handle_t *)timer)) uv_close((uv_handle_t *)timer, on_delay_closed);
}

void login_hurry(struct session *s) {
  if (s->login_delay) on_delay(&s->login_delay->timer);
}

/* A line in the account's log, so that its owner can see why an application cannot send. Names that are no account make
 * none. */
static void note_failure(struct session *s, const char *name, enum login_proof proof) {
  const struct account *a = directory_account(s->loop->directory, bytes_of(name));
  char certificate[FINGERPRINT_TEXT] = "";
  struct fingerprint f;
  if (proof == LOGIN_CERTIFICATE && stream_tls_peer(s->stream, &f)) fingerprint_format(&f, certificate);
  log_event(LOG_WARN_, s->id, "login failed", "account", shown(a), "client", s->peer,
            *certificate ? "certificate" : NULL, certificate, NULL);
  if (!a) return;
  char ref[REF_LENGTH + 1];
  struct event e = {.account = a->name,
                    .code = 535,
                    .enhanced = "5.7.8",
                    .text = proof == LOGIN_CERTIFICATE ? "login failed: the certificate is not bound to this account"
                                                       : "login failed: the password is wrong",
                    .host = s->peer};
  refusal_note(s->loop->refusals, s->peer, &e, ref);
}

static void failure(struct session *s, const char *name, enum login_proof proof) {
  note_failure(s, name, proof);
  struct login_delay *d = calloc(1, sizeof *d);
  if (!d) {
    session_close(s, false, "out of memory");
    return;
  }
  s->login_delay = d;
  d->session = s;
  d->proof = proof;
  d->timer.data = d;
  if (!s->waiting) session_wait(s, "password");
  session_hold(s);
  uv_timer_init(&s->loop->uv, &d->timer);
  uint64_t delay = count_failure(s, name);
  uv_timer_start(&d->timer, on_delay, s->loop->draining ? 0 : delay, 0);
}

void login_decide(struct session *s, const struct account *a, bool right, const char *name, enum login_proof proof) {
  if (!right || !a) {
    failure(s, name, proof);
    return;
  }
  if (a->suspended) /* only to the one who knows the password; RFC 5248: 5.7.13 */
    reply(s, 535, "5.7.13", "%s is suspended: %s", a->name, a->suspend_reason);
  else
    success(s, a, proof);
  session_resume(s);
}

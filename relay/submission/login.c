/* Logins that may not be tried, and what too many failures lead to (relay/submission/bans.h). */
#include "base/log.h"
#include "relay/submission/admission.h"
#include "relay/submission/refusal.h"
#include "relay/submission/session.h"

#include <stdio.h>

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
  uint64_t guarded = banned ? 0 : admission_guarded(a, session_client(s), name);
  if (!banned && !guarded) return true;
  if (banned && !s->admitted)
    login_turn_away(s, banned);
  else /* an admitted address: its mail without a login goes on */
    refuse(s, name, banned + guarded, banned > 0);
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

uint64_t login_failed(struct session *s, const char *name) {
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

void login_right(struct session *s, const struct account *a) {
  admission_login_right(s->loop->gateway->admission, session_client(s), a->name);
}

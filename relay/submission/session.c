#include "relay/submission/session.h"

#include "base/log.h"
#include "relay/submission/auth/auth.h"
#include "relay/submission/greeting.h"
#include "relay/submission/intake.h"
#include "relay/submission/reply.h"

#include <stdlib.h>

#define SESSION_INPUT_MAX (192 * 1024) /* what a pipelining client may have waiting */
#define PROXY_TIMEOUT_MS 5000          /* a load balancer sends its header with the connection */

/* --- state --- */

static const char *state_name(enum session_state state) {
  static const char *const names[] = {"proxy", "arrived", "start", "handshake", "ready",   "auth",  "mail",
                                      "rcpt",  "data",    "chunk", "bdat",      "discard", "closed"};
  return names[state];
}

bool session_is_closed(const struct session *s) {
  return s->state == SESSION_CLOSED;
}

void session_set_state(struct session *s, enum session_state state) {
  if (session_is_closed(s)) return;
  if (log_wants(LOG_DEBUG_))
    log_event(LOG_DEBUG_, s->id, "state", "old", state_name(s->state), "new", state_name(state), NULL);
  s->state = state;
  session_begin_deadline(s);
}

const struct sockaddr *session_client(const struct session *s) {
  return (const struct sockaddr *)&s->client;
}

bool session_is_local(const struct session *s) {
  return s->client.ss_family == AF_UNIX;
}

const struct account *session_account(const struct session *s) {
  return s->account_id ? directory_account_by_id(s->loop->directory, s->account_id) : NULL;
}

bool session_needs_no_login(const struct session *s) {
  return s->proof == LOGIN_ADDRESS || s->proof == LOGIN_COMMAND || s->proof == LOGIN_USER;
}

bool session_awaits_content(const struct session *s) {
  return s->state == SESSION_DATA || s->state == SESSION_CHUNK || s->state == SESSION_DISCARD;
}

/* --- life --- */

struct session *session_new(struct submission *submission, const struct listen_config *listener) {
  struct session *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->submission = submission;
  s->loop = submission->loop;
  s->listener = listener;
  buffer_init_secret(&s->in, SESSION_INPUT_MAX); /* passwords pass through it */
  id_format(id_new(), s->id);
  s->next = submission->sessions;
  if (s->next) s->next->prev = s;
  submission->sessions = s;
  submission->session_count++;
  return s;
}

static void free_if_done(struct session *s) {
  if (s->stream || s->holds) return;
  if (s->prev)
    s->prev->next = s->next;
  else
    s->submission->sessions = s->next;
  if (s->next) s->next->prev = s->prev;
  s->submission->session_count--;
  loop_defer_cancel(s->loop, &s->turn); /* what came back after its end may have asked for one */
  buffer_wipe_free(&s->in);
  free(s);
}

void session_hold(struct session *s) {
  s->holds++;
}

void session_unhold(struct session *s) {
  s->holds--;
  free_if_done(s);
}

void session_reset(struct session *s) {
  if (s->intake) intake_abandon(s);
  transaction_free(&s->tx);
}

/* --- the end --- */

void session_close(struct session *s, bool flush, const char *why) {
  if (session_is_closed(s)) return;
  struct log_line l;
  log_begin(&l, LOG_INFO_, s->id, "session ended");
  log_str(&l, "reason", why);
  log_str(&l, "account", s->account);
  log_int(&l, "accepted", (int64_t)s->accepted);
  if (s->identity == CLIENT_AWAITED && *s->proxy) log_str(&l, "proxy", s->proxy);
  log_end(&l);
  session_set_state(s, SESSION_CLOSED);
  dns_wait_leave(&s->spf_wait.base);
  dns_wait_leave(&s->dmarc_wait.base);
  dns_wait_leave(&s->peer_wait);
  loop_defer_cancel(s->loop, &s->turn);
  auth_free(&s->auth);
  session_reset(s);
  greeting_leave(s);
  stream_close(s->stream, flush);
}

bool session_may_reply(const struct session *s) {
  bool handshaking = s->listener->tls == LISTEN_IMPLICIT && !stream_is_tls(s->stream);
  return s->state != SESSION_HANDSHAKE && !handshaking;
}

void session_refuse(struct session *s, const char *enhanced, const char *rule, const char *text) {
  struct refusal r = {0};
  bool may = session_may_reply(s);
  refuse(&r, 421, enhanced, rule, "%s: %s", s->submission->config->hostname, text);
  if (may)
    reply_refusal(s, &r, NULL, "");
  else
    reply_log_refusal(s, &r, NULL, "", NULL);
  session_close(s, may, text);
}

void session_turn_away(struct session *s, const char *enhanced, const char *text, const char *why) {
  bool may = session_may_reply(s);
  if (may) reply(s, 421, enhanced, "%s: %s", s->submission->config->hostname, text);
  session_close(s, may, why);
}

void session_stream_closed(struct session *s) {
  s->stream = NULL;
  free_if_done(s);
}

/* --- time --- */

static uint64_t now_ms(const struct session *s) {
  return uv_now(&s->loop->uv);
}

static uint64_t ms(int64_t us) {
  return (uint64_t)us / 1000;
}

void session_begin_deadline(struct session *s) {
  const struct config *c = s->submission->config;
  bool arriving = s->state == SESSION_ARRIVED || s->state == SESSION_HANDSHAKE;
  uint64_t span = s->state == SESSION_PROXY   ? PROXY_TIMEOUT_MS
                  : arriving                  ? ms(c->handshake_timeout_us)
                  : session_awaits_content(s) ? ms(c->data_timeout_us)
                                              : ms(c->command_timeout_us);
  input_deadline_begin(&s->deadline, span, session_awaits_content(s) ? c->minimum_rate : 0, now_ms(s));
  if (s->waiting) input_deadline_stop(&s->deadline, now_ms(s));
}

void session_set_timeout(struct session *s) {
  if (session_is_closed(s) || s->waiting) return;
  uint64_t left = input_deadline_left(&s->deadline, now_ms(s));
  stream_set_timeout(s->stream, left ? left : 1); /* 0 would stop it */
}

/* --- waiting --- */

void session_wait(struct session *s, enum session_wait what) {
  s->waiting = what;
  input_deadline_stop(&s->deadline, now_ms(s));
  stream_pause(s->stream);
  stream_set_timeout(s->stream, 0); /* what is awaited has its own */
}

void session_resume(struct session *s) {
  if (!s->waiting) return;
  s->waiting = WAIT_NONE;
  input_deadline_run(&s->deadline, now_ms(s));
  loop_defer(s->loop, &s->turn);
}

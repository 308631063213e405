#include "relay/submission/submission.h"

#include "base/log.h"
#include "relay/submission/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void run(struct session *s);

const char *session_state_name(enum session_state state) {
  static const char *const names[] = {"proxy", "arrived", "start", "handshake", "ready",   "auth",  "mail",
                                      "rcpt",  "data",    "chunk", "bdat",      "discard", "closed"};
  return names[state];
}

void session_set_state(struct session *s, enum session_state state) {
  if (log_wants(LOG_DEBUG_))
    log_event(LOG_DEBUG_, s->id, "state", "old", session_state_name(s->state), "new", session_state_name(state), NULL);
  s->state = state;
  session_begin_patience(s);
}

const struct sockaddr *session_client(const struct session *s) {
  return (const struct sockaddr *)&s->client;
}

const struct account *session_account(const struct session *s) {
  return s->account_id ? directory_account_by_id(s->loop->directory, s->account_id) : NULL;
}

/* --- the end of a session --- */

static void session_free_if_done(struct session *s) {
  if (s->stream || s->holds) return;
  if (s->prev)
    s->prev->next = s->next;
  else
    s->loop->sessions = s->next;
  if (s->next) s->next->prev = s->prev;
  s->loop->session_count--;
  buffer_wipe_free(&s->in);
  free(s);
}

void session_hold(struct session *s) {
  s->holds++;
}

void session_unhold(struct session *s) {
  s->holds--;
  session_free_if_done(s);
}

void session_reset(struct session *s) {
  struct transaction *tx = s->tx;
  if (s->intake) intake_abandon(s);
  s->tx = NULL;
  if (!tx) return;
  for (size_t i = 0; i < tx->recipient_count; i++) recipient_clear(&tx->recipients[i]);
  free(tx->recipients);
  free(tx->parameters);
  directory_release(&tx->directory);
  free(tx);
}

void session_close(struct session *s, bool flush, const char *why) {
  if (s->closing) return;
  s->closing = true;
  struct log_line l;
  log_begin(&l, LOG_INFO_, s->id, "session ended");
  log_str(&l, "reason", why);
  log_str(&l, "account", s->account);
  log_int(&l, "accepted", (int64_t)s->accepted);
  if (!s->identified) log_str(&l, "proxy", s->proxy);
  log_end(&l);
  session_set_state(s, SESSION_CLOSED);
  spf_gate_leave(&s->spf_wait);
  loop_defer_cancel(s->loop, &s->turn);
  auth_free(&s->auth);
  session_reset(s);
  entrance_leave(s);
  stream_close(s->stream, flush);
}

bool session_may_speak(const struct session *s) {
  bool handshaking = s->listen == LISTEN_IMPLICIT && !stream_is_tls(s->stream);
  return s->state != SESSION_HANDSHAKE && !handshaking;
}

void session_turn_away(struct session *s, const char *enhanced, const char *words, const char *why) {
  bool speak = session_may_speak(s);
  if (speak) reply(s, 421, enhanced, "%s: %s", s->loop->gateway->config->hostname, words);
  session_close(s, speak, why);
}

static void on_close(void *owner) {
  struct session *s = owner;
  s->stream = NULL;
  session_free_if_done(s);
}

/* --- time --- */

static uint64_t now_ms(const struct session *s) {
  return uv_now(&s->loop->uv);
}

static uint64_t ms(int64_t us) {
  return (uint64_t)us / 1000;
}

void session_begin_patience(struct session *s) {
  const struct config *c = s->loop->gateway->config;
  bool arriving = s->state == SESSION_ARRIVED || s->state == SESSION_HANDSHAKE;
  uint64_t span = s->state == SESSION_PROXY ? PROXY_TIMEOUT_MS
                  : arriving                ? ms(c->handshake_timeout_us)
                  : content_is_awaited(s)   ? ms(c->data_timeout_us)
                                            : ms(c->command_timeout_us);
  patience_begin(&s->patience, span, content_is_awaited(s) ? c->minimum_rate : 0, now_ms(s));
  if (s->waiting) patience_stop(&s->patience, now_ms(s));
}

void session_set_timeout(struct session *s) {
  if (s->closing || s->waiting) return;
  uint64_t left = patience_left(&s->patience, now_ms(s));
  stream_set_timeout(s->stream, left ? left : 1); /* 0 would stop it */
}

static void on_timeout(void *owner) {
  struct session *s = owner;
  bool in_line = s->in.len || s->skipping_line, silent = patience_was_silence(&s->patience, now_ms(s));
  char words[96];
  if (s->closing || s->waiting) return;
  if (patience_left(&s->patience, now_ms(s)))
    session_set_timeout(s);
  else if (s->choked)
    session_close(s, false, "the client does not read its replies");
  else if (s->state == SESSION_PROXY)
    session_close(s, false, "no PROXY header came in time");
  else if (!session_may_speak(s))
    session_close(s, false, "the TLS handshake took too long");
  else if (content_is_awaited(s) && !silent) {
    snprintf(words, sizeof words, "the content comes too slowly, under %u octets a second; good-bye",
             s->loop->gateway->config->minimum_rate);
    session_turn_away(s, "4.4.2", words, "content too slow");
  } else if (!content_is_awaited(s) && in_line)
    session_turn_away(s, "4.4.2", "the command line takes too long; good-bye", "command line too slow");
  else
    session_turn_away(s, "4.4.2", "nothing heard for too long; good-bye", "timeout");
}

/* --- input --- */

void session_wait(struct session *s, const char *what) {
  s->waiting = what;
  patience_stop(&s->patience, now_ms(s));
  stream_pause(s->stream);
  stream_set_timeout(s->stream, 0); /* what is awaited has its own */
}

void session_resume(struct session *s) {
  if (!s->waiting) return;
  s->waiting = NULL;
  patience_run(&s->patience, now_ms(s));
  loop_defer(s->loop, &s->turn);
}

static void drained_between_messages(struct session *s) {
  bool idle = s->state == SESSION_START || s->state == SESSION_READY || s->state == SESSION_AUTH;
  if (!s->loop->draining || !idle || s->waiting || s->closing) return;
  session_turn_away(s, "4.3.2", "stopping; try again in a minute", "draining");
}

static void run_line(struct session *s, struct bytes line) {
  if (s->state == SESSION_AUTH)
    auth_continue(s, line);
  else
    verbs_run(s, line);
}

static size_t line_limit(const struct session *s, struct bytes in) {
  return s->state == SESSION_AUTH ? AUTH_LINE_MAX : verbs_line_max(in);
}

/* Reads one line, or nothing yet. A line ends with CRLF only: a bare LF in a command is refused with the line it ends,
 * so that no two readers of the same octets can see different commands (RFC 5321 2.3.8). */
static size_t feed_line(struct session *s, struct bytes in) {
  size_t lf = bytes_find(in, '\n', 0);
  bool whole = lf < in.len;
  if (whole) session_begin_patience(s);
  if (s->skipping_line) {
    if (whole) {
      s->skipping_line = false;
      if (s->state == SESSION_AUTH) auth_free(&s->auth), session_set_state(s, SESSION_READY);
      reply(s, 500, "5.5.2", "line too long");
    }
    return whole ? lf + 1 : in.len;
  }
  size_t limit = line_limit(s, in);
  if ((whole ? lf + 1 : in.len) > limit) {
    s->skipping_line = true;
    return 0;
  }
  if (!whole) return 0;
  s->behind = in.len - (lf + 1);
  if (lf == 0 || in.at[lf - 1] != '\r')
    reply(s, 500, "5.5.2", "a command ends with CR LF; this line ends with LF alone");
  else
    run_line(s, (struct bytes){in.at, lf - 1});
  return lf + 1;
}

/* A client that pipelines without reading is slowed down by TCP, as it slows us; its time runs on meanwhile. */
static void choke(struct session *s) {
  if (s->closing || stream_pending(s->stream) <= REPLIES_WAITING_MAX) return;
  s->choked = true;
  stream_pause(s->stream);
}

static void unchoke(struct session *s) {
  if (!s->choked) return;
  s->choked = false;
  loop_defer(s->loop, &s->turn);
}

/* Consumes what it can; returns how much. */
static size_t feed(struct session *s, struct bytes in) {
  size_t used = 0;
  while (used < in.len && !s->waiting && !s->closing && !s->choked) {
    struct bytes rest = bytes_from(in, used);
    bool was_skipping = s->skipping_line;
    size_t n = content_is_awaited(s) ? content_receive(s, rest) : feed_line(s, rest);
    used += n;
    if (!n && s->skipping_line == was_skipping) break;
    if (s->state == SESSION_HANDSHAKE) break; /* nothing is behind it: do_starttls saw to that */
    drained_between_messages(s);
    choke(s);
  }
  return used;
}

static void keep_rest(struct session *s, struct bytes rest) {
  if (s->closing || !rest.len) return;
  if (buffer_add_bytes(&s->in, rest) != OK) session_close(s, false, "too much input waiting");
}

static void run(struct session *s) {
  struct bytes in = buffer_bytes(&s->in);
  buffer_consume(&s->in, feed(s, in));
  if (!s->in.len) buffer_free(&s->in);
  if (s->ended && !s->waiting && !s->choked) session_close(s, true, "the client closed the connection");
  if (!s->waiting && !s->closing && !s->choked) stream_resume(s->stream);
  session_set_timeout(s);
}

static void on_turn(struct deferred *d) {
  struct session *s = (struct session *)((char *)d - offsetof(struct session, turn));
  if (s->state == SESSION_HANDSHAKE && !s->closing) stream_resume(s->stream); /* what came before STARTTLS paused it */
  if (s->state == SESSION_PROXY || s->state == SESSION_HANDSHAKE) return;
  if (s->state == SESSION_ARRIVED) entrance_arrived(s);
  drained_between_messages(s);
  if (!s->closing && !s->waiting && s->state != SESSION_ARRIVED) run(s);
}

static void on_data(void *owner, struct bytes data) {
  struct session *s = owner;
  if (s->closing) return;
  s->bytes_in += data.len;
  if (s->state == SESSION_PROXY) {
    entrance_header(s, data);
    return;
  }
  if (s->state == SESSION_ARRIVED) {
    entrance_spoken_early(s);
    return;
  }
  if (content_is_awaited(s)) patience_feed(&s->patience, data.len, now_ms(s));
  if (s->in.len || s->waiting || s->choked) {
    keep_rest(s, data);
    if (!s->waiting && !s->closing) run(s);
    return;
  }
  size_t used = feed(s, data);
  keep_rest(s, bytes_from(data, used));
  session_set_timeout(s);
}

static void on_event(void *owner, enum stream_event event) {
  struct session *s = owner;
  switch (event) {
  case STREAM_TLS_READY:
    log_event(LOG_DEBUG_, s->id, "tls", "text", stream_tls_text(s->stream), NULL);
    if (s->state == SESSION_HANDSHAKE) session_set_state(s, SESSION_START);
    loop_defer(s->loop, &s->turn); /* what the client sent with the end of its handshake comes first */
    break;
  case STREAM_END:
    s->ended = true; /* what is awaited, and what was sent before the end, still counts */
    if (!s->waiting && !s->choked) session_close(s, true, "the client closed the connection");
    break;
  case STREAM_FAILED: session_close(s, false, stream_error(s->stream)); break;
  case STREAM_DRAINED: unchoke(s); break;
  case STREAM_CONNECTED: break;
  }
}

static const struct stream_owner calls = {on_data, on_event, on_timeout, on_close};

/* --- the beginning --- */

void submission_accept(struct loop *loop, uv_stream_t *listener, const struct listen_config *config) {
  struct session *s = calloc(1, sizeof *s);
  if (!s) {
    log_event(LOG_ERROR_, NULL, "out of memory: a connection waits", NULL);
    return; /* it stays in the kernel's queue until the next one comes */
  }
  s->loop = loop;
  s->listener = config;
  s->listen = config->tls;
  s->turn.run = on_turn;
  buffer_init_secret(&s->in, SESSION_INPUT_MAX); /* passwords pass through it */
  id_format(id_new(), s->id);
  if (stream_accept(loop, listener, &calls, s, &s->stream) != OK) {
    log_event(LOG_WARN_, NULL, "cannot accept a connection", NULL);
    free(s);
    return;
  }
  s->next = loop->sessions;
  if (s->next) s->next->prev = s;
  loop->sessions = s;
  loop->session_count++;
  entrance_begin(s);
}

void submission_drain(struct loop *loop) {
  loop->draining = true;
  for (struct session *s = loop->sessions; s; s = s->next) {
    login_hurry(s); /* also of one that has closed: it is freed behind its delay */
    if (!s->closing) loop_defer(loop, &s->turn);
  }
}

void submission_cut(struct loop *loop) {
  for (struct session *s = loop->sessions, *next; s; s = next) {
    next = s->next;
    if (!s->waiting && !s->closing) session_turn_away(s, "4.3.2", "stopping; try again in a minute", "stopping");
  }
}

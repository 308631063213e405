#include "relay/submission/submission.h"

#include "base/log.h"
#include "relay/submission/admission.h"
#include "relay/submission/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED_STEP (64 * 1024)

static void run(struct session *s);

const char *session_state_name(enum session_state state) {
  static const char *const names[] = {"start", "ready", "auth", "mail", "rcpt", "data", "closed"};
  return names[state];
}

void session_set_state(struct session *s, enum session_state state) {
  if (log_wants(LOG_DEBUG_))
    log_event(LOG_DEBUG_, s->id, "state", "old", session_state_name(s->state), "new", session_state_name(state), NULL);
  s->state = state;
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
  for (size_t i = 0; i < tx->recipient_count; i++) {
    free(tx->recipients[i].address);
    free(tx->recipients[i].domain);
  }
  free(tx->recipients);
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
  log_end(&l);
  session_set_state(s, SESSION_CLOSED);
  spf_gate_leave(&s->spf_wait);
  loop_defer_cancel(s->loop, &s->turn);
  auth_free(&s->auth);
  session_reset(s);
  if (s->counted) {
    struct sockaddr_storage peer;
    memcpy(&peer, stream_peer(s->stream), sizeof peer);
    admission_leave(s->loop->gateway->admission, (struct sockaddr *)&peer);
    s->counted = false;
  }
  stream_close(s->stream, flush);
}

static void on_close(void *owner) {
  struct session *s = owner;
  s->stream = NULL;
  session_free_if_done(s);
}

/* --- input --- */

void session_wait(struct session *s, const char *what) {
  s->waiting = what;
  stream_pause(s->stream);
  stream_set_timeout(s->stream, 0); /* what is awaited has its own */
}

void session_resume(struct session *s) {
  if (!s->waiting) return;
  s->waiting = NULL;
  loop_defer(s->loop, &s->turn);
}

static void drained_between_messages(struct session *s) {
  bool idle = s->state == SESSION_START || s->state == SESSION_READY;
  if (!s->loop->draining || !idle || s->waiting || s->closing) return;
  reply(s, 421, "4.3.2", "%s is stopping; try again in a minute", s->loop->gateway->config->hostname);
  session_close(s, true, "draining");
}

static void emit_content(void *arg, struct bytes run_of_content) {
  intake_write(arg, run_of_content);
}

static size_t feed_content(struct session *s, struct bytes in) {
  bool done;
  if (in.len > FEED_STEP) in.len = FEED_STEP;
  size_t used = data_sink_feed(&s->sink, in, emit_content, s, &done);
  if (done)
    intake_end(s);
  else if (intake_is_full(s))
    session_wait(s, "disk");
  return used;
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
  if (lf == 0 || in.at[lf - 1] != '\r')
    reply(s, 500, "5.5.2", "a command ends with CR LF; this line ends with LF alone");
  else
    run_line(s, (struct bytes){in.at, lf - 1});
  return lf + 1;
}

/* Consumes what it can; returns how much. */
static size_t feed(struct session *s, struct bytes in) {
  size_t used = 0;
  while (used < in.len && !s->waiting && !s->closing) {
    struct bytes rest = bytes_from(in, used);
    bool was_skipping = s->skipping_line;
    size_t n = s->state == SESSION_DATA ? feed_content(s, rest) : feed_line(s, rest);
    used += n;
    if (!n && s->skipping_line == was_skipping) break;
    if (s->starting_tls) { /* RFC 3207 6: commands behind STARTTLS were put there by somebody in the middle */
      if (used < in.len) session_close(s, false, "octets in the clear behind STARTTLS");
      break;
    }
    drained_between_messages(s);
  }
  return used;
}

static void set_timeout(struct session *s) {
  if (s->closing || s->waiting) return;
  stream_set_timeout(s->stream, s->state == SESSION_DATA ? DATA_TIMEOUT_MS : COMMAND_TIMEOUT_MS);
}

static void keep_rest(struct session *s, struct bytes rest) {
  if (s->closing || !rest.len) return;
  if (buffer_add_bytes(&s->in, rest) != OK) session_close(s, false, "too much input waiting");
}

static void run(struct session *s) {
  struct bytes in = buffer_bytes(&s->in);
  buffer_consume(&s->in, feed(s, in));
  if (!s->in.len) buffer_free(&s->in);
  if (s->ended && !s->waiting) session_close(s, true, "the client closed the connection");
  if (!s->waiting && !s->closing) stream_resume(s->stream);
  set_timeout(s);
}

static void on_turn(struct deferred *d) {
  struct session *s = (struct session *)((char *)d - offsetof(struct session, turn));
  drained_between_messages(s);
  if (!s->closing && !s->waiting) run(s);
}

static void on_data(void *owner, struct bytes data) {
  struct session *s = owner;
  if (s->closing) return;
  s->bytes_in += data.len;
  if (s->in.len || s->waiting) {
    keep_rest(s, data);
    if (!s->waiting && !s->closing) run(s);
    return;
  }
  size_t used = feed(s, data);
  keep_rest(s, bytes_from(data, used));
  set_timeout(s);
}

static void greet(struct session *s) {
  reply(s, 220, NULL, "%s ESMTP Sendoff", s->loop->gateway->config->hostname);
  set_timeout(s);
}

static void on_event(void *owner, enum stream_event event) {
  struct session *s = owner;
  switch (event) {
  case STREAM_TLS_READY:
    s->starting_tls = false;
    log_event(LOG_DEBUG_, s->id, "tls", "text", stream_tls_text(s->stream), NULL);
    if (s->listen == LISTEN_IMPLICIT) greet(s);
    break;
  case STREAM_END:
    s->ended = true; /* what is awaited, and what was sent before the end, still counts */
    if (!s->waiting) session_close(s, true, "the client closed the connection");
    break;
  case STREAM_FAILED: session_close(s, false, stream_error(s->stream)); break;
  case STREAM_CONNECTED:
  case STREAM_DRAINED: break;
  }
}

static void on_timeout(void *owner) {
  struct session *s = owner;
  reply(s, 421, "4.4.2", "%s: nothing heard for too long; good-bye", s->loop->gateway->config->hostname);
  session_close(s, true, "timeout");
}

static const struct stream_owner calls = {on_data, on_event, on_timeout, on_close};

/* --- the beginning --- */

static void admit_by_address(struct session *s) {
  const struct account *a = directory_account_by_client(s->loop->directory, stream_peer(s->stream));
  if (!a) return;
  s->account_id = a->id;
  s->admitted = true;
  bytes_copy(bytes_of(a->name), s->account, sizeof s->account);
}

static void begin(struct session *s) {
  struct loop *l = s->loop;
  ip_format(stream_peer(s->stream), s->peer);
  log_event(LOG_INFO_, s->id, "session", "client", s->peer, NULL);
  enum admitted a = admission_enter(l->gateway->admission, stream_peer(s->stream));
  s->counted = a == ADMITTED;
  const char *no = a == FULL_HERE          ? "too many sessions; try again in a minute"
                   : a == FULL_FOR_ADDRESS ? "too many sessions from your address; close some, or try again in a minute"
                   : l->draining           ? "stopping; try again in a minute"
                                           : NULL;
  if (s->listen == LISTEN_IMPLICIT && !no && stream_start_tls_server(s->stream) != OK) no = "TLS is not available";
  if (no) {
    if (s->listen != LISTEN_IMPLICIT) reply(s, 421, "4.3.2", "%s: %s", l->gateway->config->hostname, no);
    session_close(s, true, no);
    return;
  }
  admit_by_address(s);
  if (s->listen != LISTEN_IMPLICIT) greet(s);
  set_timeout(s);
}

void submission_accept(struct loop *loop, uv_stream_t *listener, enum listen_tls tls) {
  struct session *s = calloc(1, sizeof *s);
  if (!s) {
    log_event(LOG_ERROR_, NULL, "out of memory: a connection waits", NULL);
    return; /* it stays in the kernel's queue until the next one comes */
  }
  s->loop = loop;
  s->listen = tls;
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
  begin(s);
}

void submission_drain(struct loop *loop) {
  loop->draining = true;
  for (struct session *s = loop->sessions; s; s = s->next)
    if (!s->closing) loop_defer(loop, &s->turn);
}

void submission_cut(struct loop *loop) {
  for (struct session *s = loop->sessions, *next; s; s = next) {
    next = s->next;
    if (!s->waiting) session_close(s, false, "stopping");
  }
}

/* What comes from the client: lines are cut and run, content goes to its sink, and what may not be run yet is kept. */
#include "relay/submission/input.h"

#include "base/log.h"
#include "relay/submission/auth/auth.h"
#include "relay/submission/greeting.h"
#include "relay/submission/reply.h"
#include "relay/submission/tls_failure.h"
#include "relay/submission/verbs.h"

#include <stdio.h>

#define REPLIES_WAITING_MAX (32 * 1024)

static uint64_t now_ms(const struct session *s) {
  return uv_now(&s->loop->uv);
}

static void on_timeout(void *owner) {
  struct session *s = owner;
  bool in_line = s->in.len || s->skipping_line, silent = input_deadline_was_silence(&s->deadline, now_ms(s));
  char text[96];
  if (session_is_closed(s) || s->waiting) return;
  if (input_deadline_left(&s->deadline, now_ms(s)))
    session_set_timeout(s);
  else if (s->choked)
    session_close(s, false, "the client does not read its replies");
  else if (s->state == SESSION_PROXY)
    session_close(s, false, "no PROXY header came in time");
  else if (!session_may_reply(s))
    tls_failure_end(s, "TLS: the handshake took too long");
  else if (session_awaits_content(s) && !silent) {
    snprintf(text, sizeof text, "the content comes too slowly, under %u octets a second; good-bye",
             s->submission->config->minimum_rate);
    session_turn_away(s, "4.4.2", text, "content too slow");
  } else if (!session_awaits_content(s) && in_line)
    session_turn_away(s, "4.4.2", "the command line takes too long; good-bye", "command line too slow");
  else
    session_turn_away(s, "4.4.2", "nothing heard for too long; good-bye", "timeout");
}

static void drained_between_messages(struct session *s) {
  bool idle = s->state == SESSION_START || s->state == SESSION_READY || s->state == SESSION_AUTH;
  if (!s->submission->draining || !idle || s->waiting || session_is_closed(s)) return;
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
  if (whole) session_begin_deadline(s);
  if (s->skipping_line) {
    if (whole) {
      s->skipping_line = false;
      if (s->state == SESSION_AUTH) auth_free(&s->auth), session_set_state(s, SESSION_READY);
      reply_refused(s, 500, "5.5.2", RULE_SYNTAX, "line too long");
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
    reply_refused(s, 500, "5.5.2", RULE_SYNTAX, "a command ends with CR LF; this line ends with LF alone");
  else
    run_line(s, (struct bytes){in.at, lf - 1});
  return lf + 1;
}

/* A client that pipelines without reading is slowed down by TCP, as it slows us; its time runs on meanwhile. */
static void choke(struct session *s) {
  if (session_is_closed(s) || stream_pending(s->stream) <= REPLIES_WAITING_MAX) return;
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
  while (used < in.len && !s->waiting && !session_is_closed(s) && !s->choked) {
    struct bytes rest = bytes_from(in, used);
    bool was_skipping = s->skipping_line;
    size_t n = session_awaits_content(s) ? content_receive(s, rest) : feed_line(s, rest);
    used += n;
    if (!n && s->skipping_line == was_skipping) break;
    if (s->state == SESSION_HANDSHAKE) break; /* nothing is behind it: do_starttls saw to that */
    drained_between_messages(s);
    choke(s);
  }
  return used;
}

static void keep_rest(struct session *s, struct bytes rest) {
  if (session_is_closed(s) || !rest.len) return;
  if (buffer_add_bytes(&s->in, rest) != OK) session_close(s, false, "too much input waiting");
}

static void run(struct session *s) {
  struct bytes in = buffer_bytes(&s->in);
  buffer_consume(&s->in, feed(s, in));
  if (!s->in.len) buffer_free(&s->in);
  if (s->peer_ended && !s->waiting && !s->choked) session_close(s, true, "the client closed the connection");
  if (!s->waiting && !session_is_closed(s) && !s->choked) stream_resume(s->stream);
  session_set_timeout(s);
}

static void on_turn(struct deferred *d) {
  struct session *s = (struct session *)((char *)d - offsetof(struct session, turn));
  if (s->state == SESSION_HANDSHAKE && !session_is_closed(s))
    stream_resume(s->stream); /* what came before STARTTLS paused it */
  if (s->state == SESSION_PROXY || s->state == SESSION_HANDSHAKE) return;
  if (s->state == SESSION_ARRIVED && s->waiting) return; /* for the name of a local user */
  if (s->state == SESSION_ARRIVED) greeting_send(s);
  drained_between_messages(s);
  if (!session_is_closed(s) && !s->waiting && s->state != SESSION_ARRIVED) run(s);
}

static void on_data(void *owner, struct bytes data) {
  struct session *s = owner;
  if (session_is_closed(s)) return;
  if (s->state == SESSION_PROXY) {
    greeting_header(s, data);
    return;
  }
  if (s->state == SESSION_ARRIVED) {
    greeting_too_early(s);
    return;
  }
  if (session_awaits_content(s)) input_deadline_feed(&s->deadline, data.len, now_ms(s));
  if (s->in.len || s->waiting || s->choked) {
    keep_rest(s, data);
    if (!s->waiting && !session_is_closed(s)) run(s);
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
    s->peer_ended = true; /* what is awaited, and what was sent before the end, still counts */
    if (!s->waiting && !s->choked) session_close(s, true, "the client closed the connection");
    break;
  case STREAM_FAILED: tls_failure_end(s, stream_error(s->stream)); break;
  case STREAM_DRAINED: unchoke(s); break;
  case STREAM_CONNECTED: break;
  }
}

static void on_close(void *owner) {
  session_stream_closed(owner);
}

static const struct stream_owner calls = {on_data, on_event, on_timeout, on_close};

int input_accept(struct session *s, uv_stream_t *listener) {
  s->turn.run = on_turn;
  return stream_accept(s->loop, listener, &calls, s, &s->stream);
}

#include "relay/submission/reply.h"

#include "base/log.h"
#include "relay/submission/input.h"
#include "relay/submission/refusal_log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REPLY_MAX 512 /* RFC 5321 4.5.3.1.5, with CRLF */
#define ERRORS_MAX 30 /* of one session */

/* Nothing that a stranger wrote may end the line early or hide in it. */
static void clean(char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 32 || *text == 127) *text = '?';
}

static bool counts_as_error(int code) {
  return (code >= 500 && code <= 504) || code == 530 || code == 535;
}

/* `line` with its CRLF, `text` for the log. False: the session has ended. */
static bool write_line(struct session *s, struct bytes line, const char *text) {
  if (session_is_closed(s) || !s->stream) return false;
  if (stream_write(s->stream, line) != OK) {
    session_close(s, false, "the client does not read its replies");
    return false;
  }
  if (log_wants(LOG_DEBUG_)) log_event(LOG_DEBUG_, s->id, "reply", "line", text, NULL);
  return true;
}

static void send_line(struct session *s, int code, const char *text) {
  char line[REPLY_MAX + 1];
  int n = snprintf(line, sizeof line - 2, "%s", text);
  size_t len = (size_t)n < sizeof line - 2 ? (size_t)n : sizeof line - 3;
  memcpy(line + len, "\r\n", 2);
  if (!write_line(s, (struct bytes){line, len + 2}, text)) return;
  if (!counts_as_error(code) || ++s->errors < ERRORS_MAX) return;
  stream_write(s->stream, BYTES("421 4.7.0 too many errors in this session; good-bye\r\n"));
  session_close(s, true, "too many errors");
}

void reply(struct session *s, int code, const char *enhanced, const char *format, ...) {
  char text[REPLY_MAX], line[REPLY_MAX + 24];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  clean(text);
  snprintf(line, sizeof line, "%d %s%s%s", code, enhanced ? enhanced : "", enhanced ? " " : "", text);
  send_line(s, code, line);
}

void reply_challenge(struct session *s, const char *challenge) {
  struct buffer line;
  buffer_init(&line, 2 * AUTH_LINE_MAX); /* it can hold what the client sent, and a little more */
  if (buffer_addf(&line, "334 %s\r\n", challenge) == OK)
    write_line(s, buffer_bytes(&line), "334 (a challenge)");
  else
    session_close(s, false, "out of memory");
  buffer_free(&line);
}

void reply_line(struct session *s, int code, bool last, const char *format, ...) {
  char text[REPLY_MAX], line[REPLY_MAX + 24];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  clean(text);
  snprintf(line, sizeof line, "%d%c%s", code, last ? ' ' : '-', text);
  send_line(s, code, line);
}

/* What `of` leaves open is the session's. */
static const char *log_refusal(struct session *s, const struct refusal *r, const struct event *of) {
  struct event e = *of;
  if (s->self_test) {
    ref_new(s->ref);
    return s->ref;
  }
  if (!e.from) e.from = s->tx ? s->tx->reverse_path : "";
  if (!e.account) e.account = s->account;
  e.host = s->peer;
  refusal_log_add(s->submission->refusals, r, &e, s->ref);
  log_event(LOG_INFO_, s->id, "refused", "account", e.account, "rule", r->rule, "reply", r->text, "ref", s->ref, NULL);
  return s->ref;
}

const char *reply_log_refusal(struct session *s, const struct refusal *r, const char *from, const char *to,
                              const char *account) {
  return log_refusal(s, r, &(const struct event){.account = account, .from = from, .to = to});
}

void reply_refusal_of(struct session *s, const struct refusal *r, const struct event *of) {
  if (session_is_closed(s)) return;
  const char *ref = log_refusal(s, r, of);
  /* The reference must survive a long text. */
  reply(s, r->code, r->enhanced, "%.*s. sendoff why %s", (int)(REPLY_MAX - 48), r->text, ref);
}

void reply_refusal(struct session *s, const struct refusal *r, const char *from, const char *to) {
  reply_refusal_of(s, r, &(const struct event){.from = from, .to = to});
}

void reply_refused(struct session *s, int code, const char *enhanced, const char *rule, const char *format, ...) {
  struct refusal r = {0};
  char text[REFUSAL_TEXT];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  refuse(&r, code, enhanced, rule, "%s", text);
  reply_refusal(s, &r, NULL, "");
}

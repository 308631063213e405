#include "base/log.h"

#include "base/clock.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define VALUE_MAX 512
#define SESSION_MAX 64
#define ESCAPE_MAX 32 /* four octets as \xNN, and more */
#define TAIL 16       /* room for the mark of a cut line and its end */

static enum log_level least = LOG_INFO_;
static enum log_format wanted = LOG_TEXT;

void log_setup(enum log_level level, enum log_format format) {
  least = level;
  wanted = format;
}

bool log_wants(enum log_level level) {
  return level >= least;
}

static void put(struct log_line *l, const char *text, size_t len) {
  if (l->len + len > sizeof l->text - TAIL) {
    l->cut = true;
    return;
  }
  memcpy(l->text + l->len, text, len);
  l->len += len;
}

static void put_text(struct log_line *l, const char *text) {
  put(l, text, strlen(text));
}

/* Controls beyond ASCII (U+0080 to U+009F), and what breaks or reverses a line: U+2028 to U+202E. */
static bool hidden(const unsigned char *u, size_t n) {
  return (n == 2 && u[0] == 0xc2 && u[1] < 0xa0) ||
         (n == 3 && u[0] == 0xe2 && u[1] == 0x80 && u[2] >= 0xa8 && u[2] <= 0xae);
}

/* How the character at `at` is written; *used octets of the value are read. */
static size_t escape(const struct log_line *l, struct bytes value, size_t at, size_t *used, char out[ESCAPE_MAX]) {
  const unsigned char *u = (const unsigned char *)value.at + at;
  size_t wide = *u >= 0x80 ? bytes_utf8_length(value, at) : 0;
  *used = wide ? wide : 1;
  if (*u == '"' || *u == '\\') return (size_t)snprintf(out, ESCAPE_MAX, "\\%c", *u);
  if (*u < 0x80 && l->json && (*u < 32 || *u == 127)) return (size_t)snprintf(out, ESCAPE_MAX, "\\u%04x", *u);
  if (*u >= 0x80 && l->json && (!wide || hidden(u, wide))) return (size_t)snprintf(out, ESCAPE_MAX, "\\ufffd");
  if (*u < 32 || *u == 127 || (*u >= 0x80 && (!wide || hidden(u, wide)))) {
    size_t n = 0;
    for (size_t i = 0; i < *used; i++) n += (size_t)snprintf(out + n, ESCAPE_MAX - n, "\\x%02x", u[i]);
    return n;
  }
  memcpy(out, u, *used);
  return *used;
}

/* The bound holds for what is written: escapes must not push the fields behind this one off the line. */
static void put_escaped(struct log_line *l, struct bytes value, size_t max) {
  char text[ESCAPE_MAX];
  for (size_t i = 0, used, written = 0; i < value.len; i += used) {
    size_t n = escape(l, value, i, &used, text);
    if (written + n > max) {
      put_text(l, "...");
      return;
    }
    put(l, text, n);
    written += n;
  }
}

static void put_key(struct log_line *l, const char *key) {
  put_text(l, l->json ? ",\"" : " ");
  put_text(l, key);
  put_text(l, l->json ? "\":" : "=");
}

static bool needs_quotes(struct bytes value) {
  for (size_t i = 0; i < value.len; i++) {
    unsigned char c = (unsigned char)value.at[i];
    if (c <= 32 || c >= 127 || c == '"' || c == '=' || c == '\\') return true;
  }
  return !value.len;
}

/* A field is there whole, or not at all: half a string would break the line's syntax. */
static void end_field(struct log_line *l, size_t start, bool cut_before) {
  if (l->cut) l->len = start;
  l->cut |= cut_before;
}

void log_bytes(struct log_line *l, const char *key, struct bytes value) {
  size_t start = l->len;
  bool cut_before = l->cut, quotes = l->json || needs_quotes(value);
  l->cut = false;
  put_key(l, key);
  if (quotes) put_text(l, "\"");
  put_escaped(l, value, VALUE_MAX);
  if (quotes) put_text(l, "\"");
  end_field(l, start, cut_before);
}

void log_str(struct log_line *l, const char *key, const char *value) {
  log_bytes(l, key, bytes_of(value));
}

void log_int(struct log_line *l, const char *key, int64_t value) {
  char text[32];
  snprintf(text, sizeof text, "%lld", (long long)value);
  size_t start = l->len;
  bool cut_before = l->cut;
  l->cut = false;
  put_key(l, key);
  put_text(l, text);
  end_field(l, start, cut_before);
}

void log_begin(struct log_line *l, enum log_level level, const char *session, const char *event) {
  static const char *const names[] = {"debug", "info", "warn", "error"};
  struct bytes id = bytes_of(session ? session : "-");
  char time[40];
  l->len = 0;
  l->cut = false;
  l->muted = !log_wants(level);
  l->json = wanted == LOG_JSON;
  clock_format_iso(clock_now_us(), time, sizeof time);
  if (l->json) {
    put_text(l, "{\"session\":\"");
    put_escaped(l, id, SESSION_MAX);
    put_text(l, "\"");
  } else {
    bool quotes = needs_quotes(id);
    if (quotes) put_text(l, "\"");
    put_escaped(l, id, SESSION_MAX);
    if (quotes) put_text(l, "\"");
  }
  log_str(l, "time", time);
  log_str(l, "level", names[level]);
  log_str(l, "event", event);
}

void log_end(struct log_line *l) {
  if (l->muted) return;
  const char *tail = l->json ? l->cut ? ",\"cut\":true}\n" : "}\n" : l->cut ? " cut=true\n" : "\n";
  memcpy(l->text + l->len, tail, strlen(tail)); /* TAIL octets were left for it */
  l->len += strlen(tail);
  const char *at = l->text;
  size_t left = l->len;
  while (left) {
    ssize_t n = write(STDERR_FILENO, at, left);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return; /* nowhere to say it */
    at += n;
    left -= (size_t)n;
  }
}

void log_event(enum log_level level, const char *session, const char *event, ...) {
  if (!log_wants(level)) return;
  struct log_line l;
  log_begin(&l, level, session, event);
  va_list args;
  va_start(args, event);
  const char *key;
  while ((key = va_arg(args, const char *))) log_str(&l, key, va_arg(args, const char *));
  va_end(args);
  log_end(&l);
}

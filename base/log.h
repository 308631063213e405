/* The program log on standard error: one event a line, key=value (or JSON), session id first. Any thread; one write(2)
 * a line. Values come from strangers: control characters, quotes and what is no UTF-8 are escaped, and a value is cut
 * at 512 octets as written. This is not the delivery log, which lives in the store. */
#ifndef SENDOFF_BASE_LOG_H
#define SENDOFF_BASE_LOG_H

#include "base/bytes.h"

enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };
enum log_format { LOG_TEXT, LOG_JSON };

void log_setup(enum log_level least, enum log_format format); /* before threads start */
bool log_wants(enum log_level level);

struct log_line {
  char text[2048];
  size_t len;
  bool json;
  bool cut;   /* a field did not fit and was left out; the line says so */
  bool muted; /* below the level that is wanted: log_end writes nothing */
};
/* Begins a line; `session` may be NULL. Then any number of keys; log_end writes it. */
void log_begin(struct log_line *l, enum log_level level, const char *session, const char *event);
void log_str(struct log_line *l, const char *key, const char *value);
void log_bytes(struct log_line *l, const char *key, struct bytes value);
void log_int(struct log_line *l, const char *key, int64_t value);
void log_end(struct log_line *l);
/* One call for the common case: pairs of (key, string value), ended by NULL. */
void log_event(enum log_level level, const char *session, const char *event, ...) __attribute__((sentinel));

#endif

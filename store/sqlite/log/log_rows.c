#include "store/sqlite/log/log_rows.h"

struct event log_row_read(sqlite3_stmt *s) {
  return (struct event){.id = sqlite3_column_int64(s, 0),
                        .message_id = sqlite3_column_int64(s, 1),
                        .kind = (enum event_kind)sqlite3_column_int64(s, 2),
                        .account = sql_text(s, 3),
                        .from = sql_text(s, 4),
                        .to = sql_text(s, 5),
                        .code = (int)sqlite3_column_int64(s, 6),
                        .enhanced = sql_text(s, 7),
                        .text = sql_text(s, 8),
                        .host = sql_text(s, 9),
                        .source = sql_text(s, 10),
                        .ref = sql_text(s, 11),
                        .count = (uint64_t)sqlite3_column_int64(s, 12),
                        .rule = sql_text(s, 13),
                        .numbers = sql_text(s, 14),
                        .first_us = sqlite3_column_int64(s, 15),
                        .verdict = sql_text(s, 16),
                        .stream = sqlite3_column_int64(s, 17) == STREAM_BULK ? STREAM_BULK : STREAM_TRANSACTIONAL,
                        .domain = sql_text(s, 18),
                        .subject = sql_text(s, 19),
                        .header_id = sql_text(s, 20)};
}

int log_message_read(struct sql *q, int64_t id, struct log_message *out) {
  *out = (struct log_message){.id = id, .known = true};
  sqlite3_stmt *s = sql_use(q, "SELECT subject, header_id, domain FROM events INDEXED BY events_message WHERE"
                               " message_id = ? AND message_id <> 0 AND kind = 0 ORDER BY id LIMIT 1");
  sql_bind_int(s, 1, id);
  int rc = sql_step(s);
  if (rc != 1) return rc;
  bytes_copy(bytes_of(sql_text(s, 0)), out->subject, sizeof out->subject);
  bytes_copy(bytes_of(sql_text(s, 1)), out->header_id, sizeof out->header_id);
  bytes_copy(bytes_of(sql_text(s, 2)), out->domain, sizeof out->domain);
  sqlite3_reset(s);
  return OK;
}

void log_message_put(const struct log_message *m, struct event *e) {
  if (!*e->subject) e->subject = m->subject;
  if (!*e->header_id) e->header_id = m->header_id;
  if (!*e->domain) e->domain = m->domain;
}

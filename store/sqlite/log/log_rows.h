/* Events as their rows have them. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_LOG_LOG_ROWS_H
#define SENDOFF_STORE_SQLITE_LOG_LOG_ROWS_H

#include "base/mail/event.h"
#include "store/sqlite/sql.h"

#define LOG_COLUMNS                                                                                                    \
  "id, message_id, kind, account, sender, recipient, code, enhanced, text, host, source, coalesce(ref, ''), count,"    \
  " rule, numbers, first_us, verdict, stream, domain, subject, header_id"

/* The row of a statement that selects LOG_COLUMNS; its strings live until the next step. */
struct event log_row_read(sqlite3_stmt *s);

/* What the log has of a message: its "accepted" event's. */
struct log_message {
  int64_t id;
  bool known;
  char subject[EVENT_SUBJECT_ROOM], header_id[300], domain[256];
};
int log_message_read(struct sql *q, int64_t id, struct log_message *out);
/* Into an event that has none of its own. */
void log_message_put(const struct log_message *m, struct event *e);

#endif

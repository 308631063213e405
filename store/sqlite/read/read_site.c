#include "store/sqlite/reader.h"

typedef bool site_note_fn(void *arg, const struct site_note *n);

static struct site_note row_of(sqlite3_stmt *s) {
  return (struct site_note){.site = sql_text(s, 0),
                            .source = sql_text(s, 1),
                            .connections = (unsigned)sqlite3_column_int64(s, 2),
                            .refused_at = (unsigned)sqlite3_column_int64(s, 3),
                            .closed_after = (unsigned)sqlite3_column_int64(s, 4),
                            .rate = sqlite3_column_double(s, 5),
                            .paused_until_us = sqlite3_column_int64(s, 6),
                            .action = sql_text(s, 7),
                            .reason = sql_text(s, 8),
                            .updated_us = sqlite3_column_int64(s, 9)};
}

static int give(struct sql *q, size_t limit, site_note_fn *row, void *arg) {
  sqlite3_stmt *s = sql_use(q, "SELECT site, source, connections, refused_at, closed_after, rate, paused_until_us,"
                               " action, reason, updated_us FROM site_notes ORDER BY updated_us DESC LIMIT ?");
  int rc;
  bool more = true;
  sql_bind_int(s, 1, (int64_t)limit);
  while ((rc = more ? sql_step(s) : OK) == 1) {
    struct site_note n = row_of(s);
    more = row(arg, &n);
  }
  if (s) sqlite3_reset(s);
  return rc;
}

int reader_site_notes(struct reader *r, size_t limit, site_note_fn *row, void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give(&r->at.q, limit, row, arg)) : rc;
}

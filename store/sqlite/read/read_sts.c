#include "store/sqlite/reader.h"

typedef bool sts_note_fn(void *arg, const struct sts_note *n);

static struct sts_note row_of(sqlite3_stmt *s) {
  return (struct sts_note){.domain = sql_text(s, 0),
                           .id = sql_text(s, 1),
                           .text = sql_text(s, 2),
                           .fetched_us = sqlite3_column_int64(s, 3),
                           .until_us = sqlite3_column_int64(s, 4),
                           .used_us = sqlite3_column_int64(s, 5)};
}

#define COLUMNS "SELECT domain, id, text, fetched_us, until_us, used_us FROM sts_policies"

static int give(sqlite3_stmt *s, sts_note_fn *row, void *arg) {
  int rc;
  bool more = true;
  while ((rc = more ? sql_step(s) : OK) == 1) {
    struct sts_note n = row_of(s);
    more = row(arg, &n);
  }
  if (s) sqlite3_reset(s);
  return rc;
}

int reader_sts_notes(struct reader *r, size_t limit, sts_note_fn *row, void *arg) {
  int rc = reader_begin(r, NULL);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&r->at.q, COLUMNS " ORDER BY used_us DESC LIMIT ?");
  sql_bind_int(s, 1, (int64_t)limit);
  return reader_end(r, give(s, row, arg));
}

int reader_sts_note(struct reader *r, const char *domain, sts_note_fn *row, void *arg) {
  int rc = reader_begin(r, NULL);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&r->at.q, COLUMNS " WHERE domain = ?");
  sql_bind_text(s, 1, domain);
  return reader_end(r, give(s, row, arg));
}

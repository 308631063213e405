#include "store/sqlite/reader.h"

typedef void warmup_note_fn(void *arg, const struct warmup_note *n);

static uint32_t count_at(sqlite3_stmt *s, int column) {
  return (uint32_t)sqlite3_column_int64(s, column);
}

static struct warmup_note row_of(sqlite3_stmt *s) {
  return (struct warmup_note){.source = sql_text(s, 0),
                              .provider = sql_text(s, 1),
                              .since_us = sqlite3_column_int64(s, 2),
                              .state = {.step = count_at(s, 3),
                                        .held = count_at(s, 4) != 0,
                                        .short_of = count_at(s, 5) != 0,
                                        .day = sqlite3_column_int64(s, 6),
                                        .used_on = sqlite3_column_int64(s, 7),
                                        .hour = count_at(s, 8),
                                        .used = count_at(s, 9),
                                        .used_hour = count_at(s, 10),
                                        .attempts = {count_at(s, 11), count_at(s, 13)},
                                        .against = {count_at(s, 12), count_at(s, 14)},
                                        .turned_away_us = sqlite3_column_int64(s, 15)}};
}

static int give(struct sql *q, warmup_note_fn *row, void *arg) {
  sqlite3_stmt *s =
      sql_use(q, "SELECT w.source, provider, since_us, step, held, short_of, day, used_on, hour, used, used_hour,"
                 " attempts, against, attempts_before, against_before, turned_away_us"
                 " FROM warmup_states AS w JOIN warmup_plans AS p ON p.source = w.source ORDER BY w.source, provider");
  int rc;
  while ((rc = sql_step(s)) == 1) {
    struct warmup_note n = row_of(s);
    row(arg, &n);
  }
  if (s) sqlite3_reset(s);
  return rc;
}

int reader_warmup_notes(struct reader *r, warmup_note_fn *row, void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give(&r->at.q, row, arg)) : rc;
}

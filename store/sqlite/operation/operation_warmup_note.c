#include "store/sqlite/operation/operations.h"

void store_warmup_note_init(struct store_warmup_note *n) {
  n->op.kind = OPERATION_WARMUP_NOTE;
  n->op.patient = true;
}

/* Not of a source that has gone meanwhile, or that has no such plan any more. */
int operation_warmup_note(struct sql *q, struct store_warmup_note *n) {
  const struct warmup *w = &n->note.state;
  sqlite3_stmt *s = sql_use(
      q, "INSERT OR REPLACE INTO warmup_states(source, provider, step, held, short_of, day, used_on, hour, used,"
         " used_hour, attempts, against, attempts_before, against_before, turned_away_us)"
         " SELECT ?1, ?2, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16"
         " FROM warmup_plans WHERE source = ?1 AND since_us = ?3");
  sql_bind_text(s, 1, n->note.source);
  sql_bind_text(s, 2, n->note.provider);
  sql_bind_int(s, 3, n->note.since_us);
  sql_bind_int(s, 4, w->step);
  sql_bind_int(s, 5, w->held);
  sql_bind_int(s, 6, w->short_of);
  sql_bind_int(s, 7, w->day);
  sql_bind_int(s, 8, w->used_on);
  sql_bind_int(s, 9, w->hour);
  sql_bind_int(s, 10, w->used);
  sql_bind_int(s, 11, w->used_hour);
  sql_bind_int(s, 12, w->attempts[0]);
  sql_bind_int(s, 13, w->against[0]);
  sql_bind_int(s, 14, w->attempts[1]);
  sql_bind_int(s, 15, w->against[1]);
  sql_bind_int(s, 16, w->turned_away_us);
  return sql_run(s);
}

#include "store/sqlite/operation/operations.h"

void store_site_note_init(struct store_site_note *n) {
  n->op.kind = OPERATION_SITE_NOTE;
  n->op.patient = true;
}

static int forget_old(struct sql *q, int64_t now_us) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM site_notes WHERE updated_us < ?");
  sql_bind_int(s, 1, now_us - SITE_NOTE_KEEP_US);
  return sql_run(s);
}

static int keep(struct sql *q, const struct site_note *n) {
  sqlite3_stmt *s =
      sql_use(q, "INSERT OR REPLACE INTO site_notes(site, source, connections, refused_at, closed_after,"
                 " rate, paused_until_us, action, reason, updated_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  sql_bind_text(s, 1, n->site);
  sql_bind_text(s, 2, n->source);
  sql_bind_int(s, 3, n->connections);
  sql_bind_int(s, 4, n->refused_at);
  sql_bind_int(s, 5, n->closed_after);
  if (s) sqlite3_bind_double(s, 6, n->rate);
  sql_bind_int(s, 7, n->paused_until_us);
  sql_bind_text(s, 8, n->action);
  sql_bind_text(s, 9, n->reason);
  sql_bind_int(s, 10, n->updated_us);
  return sql_run(s);
}

int operation_site_note(struct sql *q, struct store_site_note *n) {
  int rc = keep(q, &n->note);
  return rc == OK ? forget_old(q, n->note.updated_us) : rc;
}

#include "store/sqlite/operation/operations.h"

void store_blocklist_note_init(struct store_blocklist_note *n) {
  n->op.kind = OPERATION_BLOCKLIST_NOTE;
  n->op.patient = true;
}

static void bind_key(sqlite3_stmt *s, const struct blocklist_note *n) {
  sql_bind_text(s, 1, n->list);
  sql_bind_text(s, 2, n->subject);
}

/* 1: what is known already, but for when it was asked; 0: it is something else, or nothing was known. */
static int is_known(struct sql *q, const struct blocklist_note *n) {
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM blocklist_notes WHERE list = ? AND subject = ? AND state = ?"
                               " AND since_us = ? AND codes = ? AND text = ?");
  bind_key(s, n);
  sql_bind_int(s, 3, n->state);
  sql_bind_int(s, 4, n->since_us);
  sql_bind_text(s, 5, n->codes);
  sql_bind_text(s, 6, n->text);
  int rc = sql_step(s);
  if (s) sqlite3_reset(s);
  return rc;
}

static int keep(struct sql *q, const struct blocklist_note *n) {
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO blocklist_notes(list, subject, state, since_us, answered_us,"
                               " asked_us, codes, text, trouble) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  bind_key(s, n);
  sql_bind_int(s, 3, n->state);
  sql_bind_int(s, 4, n->since_us);
  sql_bind_int(s, 5, n->answered_us);
  sql_bind_int(s, 6, n->asked_us);
  sql_bind_text(s, 7, n->codes);
  sql_bind_text(s, 8, n->text);
  sql_bind_text(s, 9, n->trouble);
  return sql_run(s);
}

static int forget(struct sql *q, const struct blocklist_note *n) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM blocklist_notes WHERE list = ? AND subject = ?");
  bind_key(s, n);
  return sql_run(s);
}

int operation_blocklist_note(struct sql *q, struct store_blocklist_note *n) {
  n->changed = false;
  int known = n->forget ? 0 : is_known(q, &n->note);
  if (known < 0) return known;
  int rc = n->forget ? forget(q, &n->note) : keep(q, &n->note);
  if (rc != OK || known || !sqlite3_changes(q->db)) return rc;
  n->changed = true;
  return sql_run(sql_use(q, "UPDATE meta SET value = value + 1 WHERE key = 'config'"));
}

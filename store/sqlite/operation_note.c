#include "store/sqlite/operations.h"

void store_note_init(struct store_note *n) {
  n->op.kind = OPERATION_NOTE;
}

int operation_note(struct sql *q, struct store_note *n) {
  if (n->event.ref && *n->event.ref) {
    sqlite3_stmt *s = sql_use(q, "UPDATE events SET count = count + ? WHERE ref = ?");
    sql_bind_int(s, 1, n->event.count ? (int64_t)n->event.count : 1);
    sql_bind_text(s, 2, n->event.ref);
    int rc = sql_run(s);
    if (rc != OK || sqlite3_changes(q->db) > 0) return rc;
  }
  return event_insert(q, &n->event);
}

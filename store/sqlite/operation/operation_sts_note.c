#include "store/sqlite/operation/operations.h"

void store_sts_note_init(struct store_sts_note *n) {
  n->op.kind = OPERATION_STS_NOTE;
  n->op.patient = true;
}

static int forget(struct sql *q, const char *domain, int64_t now_us) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM sts_policies WHERE domain = ?1 OR until_us < ?2");
  sql_bind_text(s, 1, domain);
  sql_bind_int(s, 2, now_us);
  return sql_run(s);
}

static int keep(struct sql *q, const struct sts_note *n) {
  sqlite3_stmt *s = sql_use(q, "INSERT INTO sts_policies(domain, id, text, fetched_us, until_us, used_us)"
                               " VALUES (?, ?, ?, ?, ?, ?)");
  sql_bind_text(s, 1, n->domain);
  sql_bind_text(s, 2, n->id);
  sql_bind_text(s, 3, n->text);
  sql_bind_int(s, 4, n->fetched_us);
  sql_bind_int(s, 5, n->until_us);
  sql_bind_int(s, 6, n->used_us);
  return sql_run(s);
}

int operation_sts_note(struct sql *q, struct store_sts_note *n) {
  int rc = forget(q, n->note.domain, n->now_us);
  return rc == OK && n->note.text ? keep(q, &n->note) : rc;
}

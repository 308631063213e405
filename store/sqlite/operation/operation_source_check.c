#include "store/sqlite/operation/operations.h"

void store_source_check_init(struct store_source_check *c) {
  c->op.kind = OPERATION_SOURCE_CHECK;
  c->op.patient = true;
}

/* 1: what is known already; 0: it is something else, or nothing was known. */
static int is_known(struct sql *q, const struct store_source_check *c) {
  sqlite3_stmt *s =
      sql_use(q, "SELECT 1 FROM source_checks WHERE address = ? AND ptr = ? AND confirmed = ? AND text = ?");
  sql_bind_text(s, 1, c->address);
  sql_bind_text(s, 2, c->ptr);
  sql_bind_int(s, 3, c->confirmed);
  sql_bind_text(s, 4, c->text);
  int rc = sql_step(s);
  if (s) sqlite3_reset(s);
  return rc;
}

static int keep(struct sql *q, const struct store_source_check *c) {
  sqlite3_stmt *s = sql_use(q, "INSERT INTO source_checks(address, ptr, confirmed, checked_us, text)"
                               " SELECT address, ?2, ?3, ?4, ?5 FROM sources WHERE address = ?1 AND helo IN (?6, '')"
                               " AND iif(public = '', address, public) = ?7"
                               " ON CONFLICT(address) DO UPDATE SET ptr = excluded.ptr, confirmed = excluded.confirmed,"
                               " checked_us = excluded.checked_us, text = excluded.text");
  sql_bind_text(s, 1, c->address);
  sql_bind_text(s, 2, c->ptr);
  sql_bind_int(s, 3, c->confirmed);
  sql_bind_int(s, 4, c->checked_us);
  sql_bind_text(s, 5, c->text);
  sql_bind_text(s, 6, c->helo);
  sql_bind_text(s, 7, c->public_address);
  return sql_run(s);
}

int operation_source_check(struct sql *q, struct store_source_check *c) {
  c->changed = false;
  int known = is_known(q, c);
  if (known < 0) return known;
  int rc = keep(q, c);
  if (rc != OK || known || !sqlite3_changes(q->db)) return rc;
  c->changed = true;
  return sql_run(sql_use(q, "UPDATE meta SET value = value + 1 WHERE key = 'config'"));
}

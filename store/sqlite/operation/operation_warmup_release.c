#include "store/sqlite/operation/operations.h"

#include "base/clock.h"

void store_warmup_release_init(struct store_warmup_release *r) {
  r->op.kind = OPERATION_WARMUP_RELEASE;
  r->op.patient = true;
}

int operation_warmup_release(struct sql *q, struct store_warmup_release *r) {
  sqlite3_stmt *s =
      sql_use(q, "UPDATE recipients SET next_us = min(next_us, ?1), waits_for = '' WHERE id IN (SELECT id FROM"
                 " recipients WHERE waits_for <> '' AND waits_for NOT IN (SELECT source FROM warmup_plans) LIMIT ?2)");
  sql_bind_int(s, 1, clock_now_us());
  sql_bind_int(s, 2, WARMUP_RELEASE_PART);
  int rc = sql_run(s);
  r->released = rc == OK ? (uint64_t)sqlite3_changes(q->db) : 0;
  return rc;
}

#include "store/sqlite/admin/admin_base.h"

int admin_note_backup(struct admin *a, int64_t made_us, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "INSERT OR REPLACE INTO meta(key, value) VALUES ('backup_us', ?)");
  sql_bind_int(s, 1, made_us);
  return admin_end(a, sql_run(s), NULL, why);
}

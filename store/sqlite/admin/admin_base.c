#include "store/sqlite/admin/admin_base.h"

#include "store/sqlite/schema.h"

#include <stdlib.h>
#include <string.h>

int admin_open(const char *data_dir, struct admin **out, struct reason *why) {
  struct admin *a = *out = calloc(1, sizeof *a);
  if (!a) return fail(why, E_MEMORY, "out of memory");
  a->data_dir = strdup(data_dir);
  int rc = a->data_dir ? sql_open(data_dir, SQL_ADMIN, &a->q, why) : fail(why, E_MEMORY, "out of memory");
  if (rc == OK) rc = schema_check(&a->q, why);
  if (rc == OK) rc = schema_set_node(&a->q, why);
  if (rc != OK) admin_close(out);
  return rc;
}

void admin_close(struct admin **at) {
  struct admin *a = *at;
  *at = NULL;
  if (!a) return;
  sql_close(&a->q);
  free(a->data_dir);
  free(a);
}

int admin_begin(struct admin *a, struct reason *why) {
  why->text[0] = '\0';
  int rc = sql_exec(&a->q, "BEGIN IMMEDIATE");
  return rc == OK ? OK : sql_why(&a->q, rc, why);
}

int admin_end(struct admin *a, int rc, const char *key, struct reason *why) {
  if (rc == OK && key) {
    sqlite3_stmt *s = sql_use(&a->q, "UPDATE meta SET value = value + 1 WHERE key = ?");
    sql_bind_text(s, 1, key);
    rc = sql_run(s);
  }
  if (rc == OK) rc = sql_exec(&a->q, "COMMIT");
  if (rc == OK) return OK;
  if (!why->text[0]) sql_why(&a->q, rc, why);
  if (!sqlite3_get_autocommit(a->q.db)) sql_exec(&a->q, "ROLLBACK");
  return rc;
}

int admin_changed(struct admin *a, int rc, const char *what, const char *name, struct reason *why) {
  if (rc != OK || sqlite3_changes(a->q.db) > 0) return rc;
  return fail(why, E_NOT_FOUND, "there is no %s %s; see: sendoff %s list", what, name, what);
}

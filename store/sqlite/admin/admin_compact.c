#include "store/sqlite/admin/admin_base.h"
#include "store/sqlite/shrink.h"

static int file_octets(struct sql *q, uint64_t *out) {
  int64_t pages = 0, size = 0;
  int rc = sql_int(sql_use(q, "PRAGMA page_count"), 0, &pages);
  if (rc == OK) rc = sql_int(sql_use(q, "PRAGMA page_size"), 0, &size);
  *out = (uint64_t)(pages * size);
  return rc;
}

/* The index as well, which is made anew. */
static int forget(struct admin *a, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc =
      sql_exec(&a->q, "UPDATE events SET subject = '' WHERE subject <> ''; DELETE FROM log_bits; DELETE FROM log_parts;"
                      "DELETE FROM log_late; UPDATE meta SET value = 0 WHERE key = 'log_indexed'");
  return admin_end(a, rc, NULL, why);
}

/* What SQLite writes anew meanwhile is as large as the store: beside it, and not in memory, where all else that is
 * temporary is. */
static int write_anew(struct admin *a) {
  sqlite3_temp_directory = sqlite3_mprintf("%s", a->data_dir);
  int rc = sqlite3_temp_directory ? sql_exec(&a->q, "PRAGMA temp_store=FILE") : E_MEMORY;
  if (rc == OK) rc = shrink_whole(&a->q);
  sql_exec(&a->q, "PRAGMA temp_store=MEMORY");
  sqlite3_free(sqlite3_temp_directory);
  sqlite3_temp_directory = NULL;
  return rc;
}

int admin_compact(struct admin *a, bool forget_subjects, uint64_t *before, uint64_t *after, struct reason *why) {
  why->text[0] = '\0';
  int rc = forget_subjects ? forget(a, why) : OK;
  if (rc != OK) return rc;
  rc = file_octets(&a->q, before);
  if (rc == OK) rc = write_anew(a);
  if (rc == OK) rc = file_octets(&a->q, after);
  return rc == OK ? OK : sql_why(&a->q, rc, why);
}

#include "store/sqlite/reader.h"

#include "base/clock.h"

#define STEPS 20000 /* of SQLite's virtual machine between two readings of the clock */

static int is_over(void *arg) {
  return clock_monotonic_ms() >= *(const uint64_t *)arg;
}

/* "ok", or the first thing that is wrong. */
static int quick_check(struct sql *q, uint64_t deadline_ms, bool *checked, char *damage, size_t size) {
  sqlite3_progress_handler(q->db, STEPS, is_over, &deadline_ms);
  sqlite3_stmt *s = sql_use(q, "PRAGMA quick_check(1)");
  int rc = s ? sql_step(s) : E_IO;
  sqlite3_progress_handler(q->db, 0, NULL, NULL);
  bool over = clock_monotonic_ms() >= deadline_ms;
  *checked = rc == 1;
  if (rc == 1 && !bytes_equal(bytes_of(sql_text(s, 0)), BYTES("ok")))
    bytes_copy(bytes_of(sql_text(s, 0)), damage, size);
  if (s) sqlite3_reset(s);
  return rc >= 0 || over ? OK : rc;
}

int reader_quick_check(struct reader *r, uint64_t deadline_ms, bool *checked, char *damage, size_t size) {
  *checked = false;
  *damage = '\0';
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, quick_check(&r->at.q, deadline_ms, checked, damage, size)) : rc;
}

int64_t reader_backup_time(struct reader *r) {
  int64_t value = -1;
  if (reader_begin(r, NULL) != OK) return -1;
  sqlite3_stmt *s = sql_use(&r->at.q, "SELECT value FROM meta WHERE key = 'backup_us'");
  return reader_end(r, sql_int(s, 0, &value)) == OK ? value : -1;
}

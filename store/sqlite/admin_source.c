#include "store/sqlite/admin_base.h"

#include "base/clock.h"

int admin_source_add(struct admin *a, const struct source *from, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "INSERT INTO sources(address, helo, pool, created_us) VALUES (?, ?, ?, ?)");
  sql_bind_text(s, 1, from->address);
  sql_bind_text(s, 2, from->helo);
  sql_bind_text(s, 3, from->pool ? from->pool : "default");
  sql_bind_int(s, 4, clock_now_us());
  rc = sql_run(s);
  if (rc == E_EXISTS)
    fail(why, rc, "source %s exists already; change it with: sendoff source set %s", from->address, from->address);
  return admin_end(a, rc, "config", why);
}

/* What DNS said of it with another HELO name than this. */
static int forget_check(struct admin *a, const char *address, const char *helo) {
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM source_checks WHERE address = ?1"
                                   " AND NOT EXISTS (SELECT 1 FROM sources WHERE address = ?1 AND ?2 IN (helo, ''))");
  sql_bind_text(s, 1, address);
  sql_bind_text(s, 2, helo ? helo : "");
  return sql_run(s);
}

int admin_source_set(struct admin *a, const char *address, const char *helo, const char *pool, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = forget_check(a, address, helo);
  sqlite3_stmt *s = sql_use(
      &a->q,
      "UPDATE sources SET helo = CASE ?1 WHEN '' THEN helo ELSE ?1 END, pool = CASE ?2 WHEN '' THEN pool ELSE ?2 END"
      " WHERE address = ?3");
  sql_bind_text(s, 1, helo);
  sql_bind_text(s, 2, pool);
  sql_bind_text(s, 3, address);
  if (rc == OK) rc = admin_changed(a, sql_run(s), "source", address, why);
  return admin_end(a, rc, "config", why);
}

int admin_source_remove(struct admin *a, const char *address, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM sources WHERE address = ?");
  sql_bind_text(s, 1, address);
  rc = admin_changed(a, sql_run(s), "source", address, why);
  if (rc == OK) rc = forget_check(a, address, NULL);
  return admin_end(a, rc, "config", why);
}

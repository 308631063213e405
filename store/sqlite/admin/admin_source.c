#include "store/sqlite/admin/admin_base.h"

#include "base/clock.h"

/* --- the plan by which it warms up --- */

static int forget_warmup(struct admin *a, const char *address) {
  static const char *const texts[] = {"DELETE FROM warmup_plans WHERE source = ?",
                                      "DELETE FROM warmup_states WHERE source = ?"};
  int rc = OK;
  for (size_t i = 0; rc == OK && i < 2; i++) {
    sqlite3_stmt *s = sql_use(&a->q, texts[i]);
    sql_bind_text(s, 1, address);
    rc = sql_run(s);
  }
  return rc;
}

/* One that replaces another has begun when that one did. */
static int keep_warmup(struct admin *a, const struct source *to) {
  if (!to->warmup || !*to->warmup) return forget_warmup(a, to->address);
  sqlite3_stmt *s = sql_use(&a->q, "INSERT INTO warmup_plans(source, name, plan, since_us) VALUES (?, ?, ?, ?)"
                                   " ON CONFLICT(source) DO UPDATE SET name = excluded.name, plan = excluded.plan");
  sql_bind_text(s, 1, to->address);
  sql_bind_text(s, 2, to->warmup_name);
  sql_bind_text(s, 3, to->warmup);
  sql_bind_int(s, 4, clock_now_us());
  return sql_run(s);
}

/* --- sources --- */

int admin_source_add(struct admin *a, const struct source *from, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s =
      sql_use(&a->q, "INSERT INTO sources(address, helo, pool, created_us, public, weight, pause_on_listing)"
                     " VALUES (?, ?, ?, ?, ?, ?, ?)");
  sql_bind_text(s, 1, from->address);
  sql_bind_text(s, 2, from->helo);
  sql_bind_text(s, 3, from->pool ? from->pool : "default");
  sql_bind_int(s, 4, clock_now_us());
  sql_bind_text(s, 5, from->public_address);
  sql_bind_int(s, 6, from->weight);
  sql_bind_int(s, 7, from->pause_on_listing);
  rc = sql_run(s);
  if (rc == E_EXISTS)
    fail(why, rc, "source %s exists already; change it with: sendoff source set %s", from->address, from->address);
  if (rc == OK) rc = keep_warmup(a, from);
  return admin_end(a, rc, "config", why);
}

/* What DNS said of it when it had another HELO name, or another public address; or of one that has gone. */
static int forget_check(struct admin *a, const char *address, unsigned what, const struct source *to) {
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM source_checks WHERE address = ?1 AND NOT EXISTS (SELECT 1 FROM sources"
                                   " WHERE address = ?1 AND (?2 = 0 OR helo = ?3) AND (?4 = 0 OR public = ?5))");
  sql_bind_text(s, 1, address);
  sql_bind_int(s, 2, (what & SOURCE_HELO) != 0);
  sql_bind_text(s, 3, to ? to->helo : "");
  sql_bind_int(s, 4, (what & SOURCE_PUBLIC) != 0);
  sql_bind_text(s, 5, to ? to->public_address : "");
  return sql_run(s);
}

int admin_source_set(struct admin *a, unsigned what, const struct source *to, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = forget_check(a, to->address, what, to);
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE sources SET helo = CASE WHEN ?1 & 1 THEN ?2 ELSE helo END,"
                                   " pool = CASE WHEN ?1 & 2 THEN ?3 ELSE pool END,"
                                   " public = CASE WHEN ?1 & 4 THEN ?4 ELSE public END,"
                                   " weight = CASE WHEN ?1 & 8 THEN ?5 ELSE weight END,"
                                   " pause_on_listing = CASE WHEN ?1 & 16 THEN ?7 ELSE pause_on_listing END"
                                   " WHERE address = ?6");
  sql_bind_int(s, 1, what);
  sql_bind_text(s, 2, to->helo);
  sql_bind_text(s, 3, to->pool);
  sql_bind_text(s, 4, to->public_address);
  sql_bind_int(s, 5, to->weight);
  sql_bind_text(s, 6, to->address);
  sql_bind_int(s, 7, to->pause_on_listing);
  const char *address = to->address;
  if (rc == OK) rc = admin_changed(a, sql_run(s), "source", address, why);
  if (rc == OK && (what & SOURCE_WARMUP)) rc = keep_warmup(a, to);
  return admin_end(a, rc, "config", why);
}

int admin_source_remove(struct admin *a, const char *address, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM sources WHERE address = ?");
  sql_bind_text(s, 1, address);
  rc = admin_changed(a, sql_run(s), "source", address, why);
  if (rc == OK) rc = forget_check(a, address, 0, NULL);
  if (rc == OK) rc = forget_warmup(a, address);
  return admin_end(a, rc, "config", why);
}

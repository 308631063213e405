#include "store/sqlite/admin/admin_base.h"

int admin_site_pause(struct admin *a, const struct site_pause *p, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s =
      sql_use(&a->q, "INSERT OR REPLACE INTO site_pauses(site, source, until_us, created_us) VALUES (?, ?, ?, ?)");
  sql_bind_text(s, 1, p->site);
  sql_bind_text(s, 2, p->source);
  sql_bind_int(s, 3, p->until_us);
  sql_bind_int(s, 4, p->created_us);
  return admin_end(a, sql_run(s), "config", why);
}

static int run_for(struct admin *a, const char *text, const char *site, const char *source) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_text(s, 1, site);
  sql_bind_int(s, 2, source == NULL);
  sql_bind_text(s, 3, source ? source : "");
  return sql_run(s);
}

int admin_site_resume(struct admin *a, const char *site, const char *source, bool *ended, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = run_for(a, "DELETE FROM site_pauses WHERE site = ?1 AND (?2 OR source = ?3)", site, source);
  *ended = rc == OK && sqlite3_changes(a->q.db) > 0;
  if (rc == OK)
    rc = run_for(a, "UPDATE site_notes SET paused_until_us = 0 WHERE site = ?1 AND (?2 OR source = ?3)", site, source);
  return admin_end(a, rc, "config", why);
}

int admin_site_forget(struct admin *a, const char *site, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = run_for(a, "DELETE FROM site_learning WHERE site = ?1 AND (?2 OR source = ?3)", site, NULL);
  return admin_end(a, rc, NULL, why);
}

#include "store/sqlite/admin/admin_settings.h"

#include <stdio.h>

static sqlite3_stmt *of_owner(struct admin *a, const char *text, enum scope scope, const char *owner) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_int(s, 1, scope);
  sql_bind_text(s, 2, owner);
  return s;
}

static int write_limits(struct admin *a, enum scope scope, const char *owner, int stream,
                        const struct limit_list *from) {
  sqlite3_stmt *s = of_owner(a, "DELETE FROM policy_limits WHERE scope = ? AND owner = ? AND stream = ?", scope, owner);
  sql_bind_int(s, 3, stream);
  int rc = sql_run(s);
  for (size_t i = 0; rc == OK && i < from->count; i++) {
    s = of_owner(a, "INSERT INTO policy_limits(scope, owner, stream, position, spec) VALUES (?,?,?,?,?)", scope, owner);
    sql_bind_int(s, 3, stream);
    sql_bind_int(s, 4, (int64_t)i);
    sql_bind_text(s, 5, from->limits[i].text);
    rc = sql_run(s);
  }
  return rc;
}

static int write_mode(struct admin *a, enum scope scope, const char *owner, const struct check_setting *m) {
  bool keep = m->mode != CHECK_DEFAULT;
  sqlite3_stmt *s =
      of_owner(a,
               keep ? "INSERT OR REPLACE INTO check_modes(scope, owner, check_name, mode) VALUES (?,?,?,?)"
                    : "DELETE FROM check_modes WHERE scope = ? AND owner = ? AND check_name = ?",
               scope, owner);
  sql_bind_text(s, 3, m->check);
  if (keep) sql_bind_int(s, 4, m->mode);
  return sql_run(s);
}

static int write_modes(struct admin *a, enum scope scope, const char *owner, const struct settings *from) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < from->mode_count; i++) rc = write_mode(a, scope, owner, &from->modes[i]);
  return rc;
}

int settings_write(struct admin *a, enum scope scope, const char *owner, unsigned what, const struct settings *from) {
  int rc = what & ACCOUNT_LIMITS ? write_limits(a, scope, owner, STREAM_ANY, &from->all) : OK;
  for (int i = 0; rc == OK && (what & ACCOUNT_STREAM_LIMITS) && i < STREAM_COUNT; i++)
    rc = write_limits(a, scope, owner, i, &from->stream[i]);
  return rc == OK && (what & ACCOUNT_MODES) ? write_modes(a, scope, owner, from) : rc;
}

int settings_remove(struct admin *a, enum scope scope, const char *owner) {
  int rc = sql_run(of_owner(a, "DELETE FROM policy_limits WHERE scope = ? AND owner = ?", scope, owner));
  return rc == OK ? sql_run(of_owner(a, "DELETE FROM check_modes WHERE scope = ? AND owner = ?", scope, owner)) : rc;
}

/* --- single limits --- */

static int add_limit(struct admin *a, enum scope scope, const char *owner, const char *spec) {
  sqlite3_stmt *s = of_owner(
      a,
      "INSERT INTO policy_limits(scope, owner, stream, position, spec)"
      " SELECT ?1, ?2, -1, (SELECT coalesce(max(position) + 1, 0) FROM policy_limits WHERE scope = ?1 AND owner = ?2"
      " AND stream = -1), ?3 WHERE NOT EXISTS (SELECT 1 FROM policy_limits WHERE scope = ?1 AND owner = ?2"
      " AND stream = -1 AND spec = ?3)",
      scope, owner);
  sql_bind_text(s, 3, spec);
  return sql_run(s);
}

static int not_there(struct admin *a, enum scope scope, const char *owner, const char *spec, struct reason *why) {
  sqlite3_stmt *s = of_owner(a,
                             "SELECT coalesce(group_concat(spec, ', '), 'none') FROM policy_limits WHERE scope = ?"
                             " AND owner = ? AND stream = -1",
                             scope, owner);
  int rc = sql_step(s);
  if (rc == 1) fail(why, E_NOT_FOUND, "there is no limit %s; what is there: %.300s", spec, sql_text(s, 0));
  sqlite3_reset(s);
  return rc == 1 ? E_NOT_FOUND : rc;
}

static int remove_limit(struct admin *a, enum scope scope, const char *owner, const char *spec, struct reason *why) {
  sqlite3_stmt *s =
      of_owner(a, "DELETE FROM policy_limits WHERE scope = ? AND owner = ? AND stream = -1 AND spec = ?", scope, owner);
  sql_bind_text(s, 3, spec);
  int rc = sql_run(s);
  return rc == OK && !sqlite3_changes(a->q.db) ? not_there(a, scope, owner, spec, why) : rc;
}

static int check_room(struct admin *a, enum scope scope, const char *owner, struct reason *why) {
  int64_t n;
  int rc = sql_int(
      of_owner(a, "SELECT count(*) FROM policy_limits WHERE scope = ? AND owner = ? AND stream = -1", scope, owner), 0,
      &n);
  return rc == OK && n > ADMIN_LIST_MAX ? fail(why, E_LIMIT, "%d limits at most", ADMIN_LIST_MAX) : rc;
}

int settings_edit_limits(struct admin *a, enum scope scope, const char *owner, const struct list_edit *edit,
                         struct reason *why) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < edit->remove_count; i++) rc = remove_limit(a, scope, owner, edit->remove[i], why);
  for (size_t i = 0; rc == OK && i < edit->add_count; i++) rc = add_limit(a, scope, owner, edit->add[i]);
  return rc == OK && edit->add_count ? check_room(a, scope, owner, why) : rc;
}

/* --- the gateway's, a domain's --- */

static int check_owner(struct admin *a, enum scope scope, const char *owner, struct reason *why) {
  int64_t there = 1;
  if (scope != SCOPE_DOMAIN) return OK;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT 1 FROM domains WHERE name = ?");
  sql_bind_text(s, 1, owner);
  int rc = sql_int(s, 0, &there);
  if (rc == OK && !there) rc = fail(why, E_NOT_FOUND, "there is no domain %s; see: sendoff domain list", owner);
  return rc;
}

int admin_settings_set(struct admin *a, enum scope scope, const char *owner, unsigned what, const struct settings *from,
                       const struct list_edit *limits, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = check_owner(a, scope, owner, why);
  if (rc == OK) rc = settings_write(a, scope, owner, what, from);
  if (rc == OK && limits) rc = settings_edit_limits(a, scope, owner, limits, why);
  return admin_end(a, rc, "config", why);
}

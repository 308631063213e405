#include "store/sqlite/directory_load.h"

#define STREAM_ANY (-1) /* stored: of all mail */

static const char *describe(enum scope scope) {
  return scope == SCOPE_ACCOUNT ? "account " : scope == SCOPE_DOMAIN ? "domain " : "the gateway";
}

static int load_limits(struct sql *q, struct directory_owner *o, enum scope scope, const char *owner, int stream,
                       struct limit_list *out, struct reason *why) {
  const char *const *specs;
  size_t n;
  sqlite3_stmt *s =
      sql_use(q, "SELECT spec FROM policy_limits WHERE scope = ? AND owner = ? AND stream = ? ORDER BY position");
  sql_bind_int(s, 1, scope);
  sql_bind_text(s, 2, owner);
  sql_bind_int(s, 3, stream);
  int rc = directory_load_list(q, s, o, &specs, &n);
  struct limit *limits = rc == OK && n ? directory_alloc(o, n * sizeof *limits, false) : NULL;
  if (rc != OK || (n && !limits)) return rc != OK ? rc : E_MEMORY;
  for (size_t i = 0; rc == OK && i < n; i++) {
    struct reason parsed;
    rc = limit_parse(specs[i], &limits[i], &parsed);
    if (rc != OK)
      fail(why, rc, "%s%s has a limit that cannot be read, %s: %s", describe(scope), owner, specs[i], parsed.text);
  }
  *out = (struct limit_list){limits, n};
  return rc;
}

static int count_modes(struct sql *q, enum scope scope, const char *owner, size_t *out) {
  int64_t n;
  sqlite3_stmt *s = sql_use(q, "SELECT count(*) FROM check_modes WHERE scope = ? AND owner = ?");
  sql_bind_int(s, 1, scope);
  sql_bind_text(s, 2, owner);
  int rc = sql_int(s, 0, &n);
  *out = (size_t)n;
  return rc;
}

static int load_modes(struct sql *q, struct directory_owner *o, enum scope scope, const char *owner,
                      struct settings *out) {
  size_t n, i = 0;
  int rc = count_modes(q, scope, owner, &n);
  struct check_setting *all = rc == OK && n ? directory_alloc(o, n * sizeof *all, false) : NULL;
  if (rc != OK || !n) return rc;
  if (!all) return E_MEMORY;
  sqlite3_stmt *s = sql_use(q, "SELECT check_name, mode FROM check_modes WHERE scope = ? AND owner = ?");
  sql_bind_int(s, 1, scope);
  sql_bind_text(s, 2, owner);
  while (i < n && (rc = sql_step(s)) == 1) {
    all[i] = (struct check_setting){directory_text(o, sql_text(s, 0)), (enum check_mode)sqlite3_column_int64(s, 1)};
    rc = all[i].check ? OK : E_MEMORY;
    if (rc != OK) break;
    i++;
  }
  if (s) sqlite3_reset(s);
  out->modes = all;
  out->mode_count = i;
  return rc;
}

int directory_load_settings(struct sql *q, struct directory_owner *o, enum scope scope, const char *owner,
                            struct settings *out, struct reason *why) {
  int rc = load_limits(q, o, scope, owner, STREAM_ANY, &out->all, why);
  for (int i = 0; rc == OK && i < STREAM_COUNT; i++) rc = load_limits(q, o, scope, owner, i, &out->stream[i], why);
  return rc == OK ? load_modes(q, o, scope, owner, out) : rc;
}

#include "store/sqlite/operations.h"

#include "base/static_route.h"

void store_route_token_init(struct store_route_token *t) {
  t->op.kind = OPERATION_ROUTE_TOKEN;
  t->op.patient = true;
}

static int keep_secret(struct sql *q, const struct store_route_token *t, enum route_secret kind, struct bytes value) {
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO route_secrets(route_id, kind, value, from_us, until_us)"
                               " VALUES (?, ?, ?, ?, ?)");
  bool ends = kind == ROUTE_ACCESS_TOKEN;
  sql_bind_int(s, 1, t->route_id);
  sql_bind_int(s, 2, kind);
  sql_bind_blob(s, 3, value);
  sql_bind_int(s, 4, ends ? t->token_from_us : 0);
  sql_bind_int(s, 5, ends ? t->token_until_us : 0);
  return sql_run(s);
}

static int keep_tokens(struct sql *q, const struct store_route_token *t) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM route_failures WHERE route_id = ?");
  sql_bind_int(s, 1, t->route_id);
  int rc = sql_run(s);
  if (rc == OK) rc = sql_exec(q, "PRAGMA secure_delete=ON"); /* the old ones do not stay in free pages */
  if (rc == OK) rc = keep_secret(q, t, ROUTE_ACCESS_TOKEN, t->access);
  if (rc == OK && t->refresh.len) rc = keep_secret(q, t, ROUTE_REFRESH_TOKEN, t->refresh);
  int off = sql_exec(q, "PRAGMA secure_delete=OFF");
  return rc == OK ? off : rc;
}

static int keep_failure(struct sql *q, const struct store_route_token *t) {
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO route_failures(route_id, text) VALUES (?, ?)");
  sql_bind_int(s, 1, t->route_id);
  sql_bind_text(s, 2, t->failure);
  return sql_run(s);
}

int operation_route_token(struct sql *q, struct store_route_token *t) {
  int64_t there;
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM routes WHERE id = ?");
  sql_bind_int(s, 1, t->route_id);
  int rc = sql_int(s, 0, &there);
  if (rc != OK || !there) return rc;
  rc = *t->failure ? keep_failure(q, t) : keep_tokens(q, t);
  return rc == OK ? sql_run(sql_use(q, "UPDATE meta SET value = value + 1 WHERE key = 'config'")) : rc;
}

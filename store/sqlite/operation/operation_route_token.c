#include "store/sqlite/operation/operations.h"

#include "base/clock.h"
#include "store/sqlite/table/route_login.h"

void store_route_token_init(struct store_route_token *t) {
  t->op.kind = OPERATION_ROUTE_TOKEN;
  t->op.patient = true;
}

static int keep_tokens(struct sql *q, const struct store_route_token *t) {
  const struct route_secret_value access = {ROUTE_ACCESS_TOKEN, t->access, t->from_us, t->token_until_us},
                                  refresh = {.kind = ROUTE_REFRESH_TOKEN, .value = t->refresh};
  sqlite3_stmt *s = sql_use(q, "DELETE FROM route_failures WHERE login = ?");
  sql_bind_int(s, 1, t->login);
  int rc = sql_run(s);
  if (rc == OK) rc = sql_exec(q, "PRAGMA secure_delete=ON"); /* the old ones do not stay in free pages */
  if (rc == OK) rc = route_login_put(q, t->login, &access);
  if (rc == OK && t->refresh.len) rc = route_login_put(q, t->login, &refresh);
  int off = sql_exec(q, "PRAGMA secure_delete=OFF");
  return rc == OK ? off : rc;
}

static int keep_failure(struct sql *q, const struct store_route_token *t) {
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO route_failures(login, text) VALUES (?, ?)");
  sql_bind_int(s, 1, t->login);
  sql_bind_text(s, 2, t->failure);
  return sql_run(s);
}

/* Of a route that is there, and no older than the token that is kept: what could not be stored at once may come late.
 * A token of a clock that was ahead is older than all. */
static int is_wanted(struct sql *q, const struct store_route_token *t, int64_t *wanted) {
  sqlite3_stmt *s =
      sql_use(q, "SELECT count(*) FROM routes AS r WHERE login = ?1 AND NOT EXISTS (SELECT 1 FROM route_secrets AS s"
                 " WHERE s.login = r.login AND kind = ?2 AND from_us > ?3 AND from_us <= ?4)");
  sql_bind_int(s, 1, t->login);
  sql_bind_int(s, 2, ROUTE_ACCESS_TOKEN);
  sql_bind_int(s, 3, t->from_us);
  sql_bind_int(s, 4, clock_now_us());
  return sql_int(s, 0, wanted);
}

int operation_route_token(struct sql *q, struct store_route_token *t) {
  int64_t wanted;
  int rc = is_wanted(q, t, &wanted);
  if (rc != OK || !wanted) return rc;
  rc = *t->failure ? keep_failure(q, t) : keep_tokens(q, t);
  return rc == OK ? sql_run(sql_use(q, "UPDATE meta SET value = value + 1 WHERE key = 'config'")) : rc;
}

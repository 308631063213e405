#include "store/sqlite/table/route_login.h"

int route_login_put(struct sql *q, int64_t login, const struct route_secret_value *v) {
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO route_secrets(login, kind, value, from_us, until_us)"
                               " VALUES (?, ?, ?, ?, ?)");
  bool ends = v->kind == ROUTE_ACCESS_TOKEN;
  sql_bind_int(s, 1, login);
  sql_bind_int(s, 2, v->kind);
  sql_bind_blob(s, 3, v->value);
  sql_bind_int(s, 4, ends ? v->from_us : 0);
  sql_bind_int(s, 5, ends ? v->until_us : 0);
  return sql_run(s);
}

static int of_login(struct sql *q, const char *text, int64_t login) {
  sqlite3_stmt *s = sql_use(q, text);
  sql_bind_int(s, 1, login);
  return sql_run(s);
}

int route_login_forget(struct sql *q, int64_t login) {
  int rc = of_login(q, "DELETE FROM route_secrets WHERE login = ?", login);
  return rc == OK ? of_login(q, "DELETE FROM route_failures WHERE login = ?", login) : rc;
}

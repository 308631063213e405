#include "store/sqlite/admin/admin_base.h"

#include "base/clock.h"
#include "store/sqlite/table/route_login.h"

#include <stdio.h>

/* "example.net", with whose mail it is for. */
static const char *describe(const struct static_route *r, char out[STATIC_ROUTE_PATTERN * 3]) {
  snprintf(out, STATIC_ROUTE_PATTERN * 3, "%.257s%s%.64s%s%.257s", r->to, *r->account ? " --account " : "", r->account,
           *r->sender ? " --sender " : "", r->sender);
  return out;
}

static sqlite3_stmt *of_key(struct admin *a, const char *text, const struct static_route *r) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_text(s, 1, r->to);
  sql_bind_text(s, 2, r->account);
  sql_bind_text(s, 3, r->sender);
  return s;
}

static int find_login(struct admin *a, const struct static_route *r, int64_t *login, struct reason *why) {
  char text[STATIC_ROUTE_PATTERN * 3];
  const char *question = "SELECT login FROM routes WHERE recipients = ? AND account = ? AND sender = ?";
  int rc = sql_int(of_key(a, question, r), 0, login);
  if (rc != OK || *login) return rc;
  return fail(why, E_NOT_FOUND, "there is no route for %s; see: sendoff route list", describe(r, text));
}

/* A name that is not there would make a route that no mail takes. */
static int check_account(struct admin *a, const char *account, struct reason *why) {
  int64_t there = 1;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT 1 FROM accounts WHERE name = ?");
  sql_bind_text(s, 1, account);
  int rc = *account ? sql_int(s, 0, &there) : OK;
  if (rc != OK || there) return rc;
  return fail(why, E_NOT_FOUND, "there is no account %s; see: sendoff account list", account);
}

/* `login`: whose secrets it has; 0: its own. Returns it. */
static int insert(struct admin *a, const struct static_route *r, int64_t *login) {
  sqlite3_stmt *s = sql_use(
      &a->q, "INSERT INTO routes(recipients, account, sender, lookup, host, port, tls, implicit_tls, auth, user,"
             " created_us, endpoint, client_id, scope, login) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  sql_bind_text(s, 1, r->to);
  sql_bind_text(s, 2, r->account);
  sql_bind_text(s, 3, r->sender);
  sql_bind_int(s, 4, r->lookup);
  sql_bind_text(s, 5, r->host);
  sql_bind_int(s, 6, r->port);
  sql_bind_int(s, 7, r->tls);
  sql_bind_int(s, 8, r->implicit_tls);
  sql_bind_int(s, 9, r->auth);
  sql_bind_text(s, 10, r->user);
  sql_bind_int(s, 11, clock_now_us());
  sql_bind_text(s, 12, r->oauth2.endpoint);
  sql_bind_text(s, 13, r->oauth2.client_id);
  sql_bind_text(s, 14, r->oauth2.scope);
  sql_bind_int(s, 15, *login);
  int rc = sql_run(s);
  if (rc != OK || *login) return rc;
  *login = sqlite3_last_insert_rowid(a->q.db);
  return sql_run(sql_use(&a->q, "UPDATE routes SET login = id WHERE login = 0"));
}

static int insert_secrets(struct admin *a, int64_t login, const struct route_keys *keys) {
  int rc = OK;
  for (int kind = 0; rc == OK && keys && kind < ROUTE_SECRET_COUNT; kind++) {
    const struct route_secret_value v = {(enum route_secret)kind, keys->of[kind], keys->token_from_us,
                                         keys->token_until_us};
    if (v.value.len) rc = route_login_put(&a->q, login, &v);
  }
  return rc;
}

static int remove_route(struct admin *a, const struct static_route *r) {
  return sql_run(of_key(a, "DELETE FROM routes WHERE recipients = ? AND account = ? AND sender = ?", r));
}

int admin_route_add(struct admin *a, const struct static_route *r, const struct route_keys *keys, struct reason *why) {
  char text[STATIC_ROUTE_PATTERN * 3];
  int64_t login = 0;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = check_account(a, r->account, why);
  if (rc == OK) rc = insert(a, r, &login);
  if (rc == E_EXISTS)
    fail(why, rc, "there is a route for %s already; change it with: sendoff route set %s", describe(r, text), text);
  if (rc == OK) rc = insert_secrets(a, login, keys);
  return admin_end(a, rc, "config", why);
}

int admin_route_set(struct admin *a, const struct static_route *r, const struct route_keys *keys, struct reason *why) {
  int64_t old;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = find_login(a, r, &old, why);
  int64_t login = !keys && r->auth != ROUTE_AUTH_NONE ? old : 0; /* what is being renewed goes on for it */
  if (rc == OK) rc = remove_route(a, r);
  if (rc == OK && !login) rc = route_login_forget(&a->q, old);
  if (rc == OK) rc = insert(a, r, &login);
  if (rc == OK) rc = insert_secrets(a, login, keys);
  return admin_end(a, rc, "config", why);
}

int admin_route_remove(struct admin *a, const struct static_route *r, struct reason *why) {
  int64_t login;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = find_login(a, r, &login, why);
  if (rc == OK) rc = route_login_forget(&a->q, login);
  if (rc == OK) rc = remove_route(a, r);
  return admin_end(a, rc, "config", why);
}

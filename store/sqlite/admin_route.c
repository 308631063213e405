#include "store/sqlite/admin_base.h"

#include "base/clock.h"

#include <stdio.h>

/* "example.net", with whose mail it is for. */
static const char *describe(const struct static_route *r, char out[STATIC_ROUTE_PATTERN * 3]) {
  snprintf(out, STATIC_ROUTE_PATTERN * 3, "%.257s%s%.64s%s%.257s", r->to, *r->account ? " --account " : "", r->account,
           *r->sender ? " --sender " : "", r->sender);
  return out;
}

static int of_key(struct admin *a, const char *text, const struct static_route *r, int64_t *id) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_text(s, 1, r->to);
  sql_bind_text(s, 2, r->account);
  sql_bind_text(s, 3, r->sender);
  return id ? sql_int(s, 0, id) : sql_run(s);
}

static int find(struct admin *a, const struct static_route *r, int64_t *id, struct reason *why) {
  char text[STATIC_ROUTE_PATTERN * 3];
  int rc = of_key(a, "SELECT id FROM routes WHERE recipients = ? AND account = ? AND sender = ?", r, id);
  if (rc != OK || *id) return rc;
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

static int insert(struct admin *a, const struct static_route *r, int64_t *id) {
  sqlite3_stmt *s = sql_use(
      &a->q, "INSERT INTO routes(recipients, account, sender, lookup, host, port, tls, implicit_tls, auth, user,"
             " created_us, endpoint, client_id, scope) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
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
  int rc = sql_run(s);
  *id = sqlite3_last_insert_rowid(a->q.db);
  return rc;
}

static int insert_secret(struct admin *a, int64_t id, enum route_secret kind, const struct route_keys *keys) {
  sqlite3_stmt *s = sql_use(&a->q, "INSERT INTO route_secrets(route_id, kind, value, from_us, until_us)"
                                   " VALUES (?, ?, ?, ?, ?)");
  bool ends = kind == ROUTE_ACCESS_TOKEN;
  sql_bind_int(s, 1, id);
  sql_bind_int(s, 2, kind);
  sql_bind_blob(s, 3, keys->of[kind]);
  sql_bind_int(s, 4, ends ? keys->token_from_us : 0);
  sql_bind_int(s, 5, ends ? keys->token_until_us : 0);
  return sql_run(s);
}

static int insert_secrets(struct admin *a, int64_t id, const struct route_keys *keys) {
  int rc = OK;
  for (int kind = 0; rc == OK && keys && kind < ROUTE_SECRET_COUNT; kind++)
    if (keys->of[kind].len) rc = insert_secret(a, id, (enum route_secret)kind, keys);
  return rc;
}

static int by_id(struct admin *a, const char *text, int64_t id) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_int(s, 1, id);
  return sql_run(s);
}

static int remove_secrets(struct admin *a, int64_t id) {
  int rc = by_id(a, "DELETE FROM route_secrets WHERE route_id = ?", id);
  return rc == OK ? by_id(a, "DELETE FROM route_failures WHERE route_id = ?", id) : rc;
}

static int move_secrets(struct admin *a, int64_t from, int64_t to) {
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE route_secrets SET route_id = ? WHERE route_id = ?");
  sql_bind_int(s, 1, to);
  sql_bind_int(s, 2, from);
  return sql_run(s);
}

int admin_route_add(struct admin *a, const struct static_route *r, const struct route_keys *keys, struct reason *why) {
  char text[STATIC_ROUTE_PATTERN * 3];
  int64_t id;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = check_account(a, r->account, why);
  if (rc == OK) rc = insert(a, r, &id);
  if (rc == E_EXISTS)
    fail(why, rc, "there is a route for %s already; change it with: sendoff route set %s", describe(r, text), text);
  if (rc == OK) rc = insert_secrets(a, id, keys);
  return admin_end(a, rc, "config", why);
}

int admin_route_set(struct admin *a, const struct static_route *r, const struct route_keys *keys, struct reason *why) {
  int64_t old, id;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  bool keeps = !keys && r->auth != ROUTE_AUTH_NONE;
  rc = find(a, r, &old, why);
  if (rc == OK) rc = of_key(a, "DELETE FROM routes WHERE recipients = ? AND account = ? AND sender = ?", r, NULL);
  if (rc == OK) rc = insert(a, r, &id);
  if (rc == OK && keeps) rc = move_secrets(a, old, id);
  if (rc == OK) rc = remove_secrets(a, old);
  if (rc == OK) rc = insert_secrets(a, id, keys);
  return admin_end(a, rc, "config", why);
}

int admin_route_remove(struct admin *a, const struct static_route *r, struct reason *why) {
  int64_t id;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = find(a, r, &id, why);
  if (rc == OK) rc = remove_secrets(a, id);
  if (rc == OK) rc = of_key(a, "DELETE FROM routes WHERE recipients = ? AND account = ? AND sender = ?", r, NULL);
  return admin_end(a, rc, "config", why);
}

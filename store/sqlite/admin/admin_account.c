#include "store/sqlite/admin/admin_settings.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <stdio.h>

static int find(struct admin *a, const char *name, int64_t *id, struct reason *why) {
  sqlite3_stmt *s = sql_use(&a->q, "SELECT id FROM accounts WHERE name = ?");
  sql_bind_text(s, 1, name);
  int rc = sql_int(s, 0, id);
  if (rc == OK && !*id) rc = fail(why, E_NOT_FOUND, "there is no account %s; see: sendoff account list", name);
  return rc;
}

/* A list's rows: removed, then written anew in their order. */
static int clear(struct admin *a, const char *text, int64_t id) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_int(s, 1, id);
  return sql_run(s);
}

static int put(struct admin *a, const char *text, int64_t id, size_t position, const char *value) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_int(s, 1, id);
  sql_bind_int(s, 2, (int64_t)position);
  sql_bind_text(s, 3, value);
  return sql_run(s);
}

static int set_senders(struct admin *a, int64_t id, const struct account *from) {
  int rc = clear(a, "DELETE FROM account_senders WHERE account_id = ?", id);
  for (size_t i = 0; rc == OK && i < from->sender_count; i++)
    rc = put(a, "INSERT INTO account_senders(account_id, position, pattern) VALUES (?,?,?)", id, i, from->senders[i]);
  return rc;
}

static int set_client_ips(struct admin *a, int64_t id, const struct account *from) {
  int rc = clear(a, "DELETE FROM account_client_ips WHERE account_id = ?", id);
  for (size_t i = 0; rc == OK && i < from->client_ip_count; i++) {
    char ip[INET6_ADDRSTRLEN], text[INET6_ADDRSTRLEN + 8];
    const struct cidr *c = &from->client_ips[i];
    inet_ntop(c->family, c->address, ip, sizeof ip);
    snprintf(text, sizeof text, "%s/%u", ip, c->prefix);
    rc = put(a, "INSERT INTO account_client_ips(account_id, position, cidr) VALUES (?,?,?)", id, i, text);
  }
  return rc;
}

/* E_EXISTS: another account has one of them already; whom it logs in to must never be a guess. */
static int set_client_certs(struct admin *a, int64_t id, const struct account *from) {
  int rc = clear(a, "DELETE FROM account_client_certs WHERE account_id = ?", id);
  for (size_t i = 0; rc == OK && i < from->client_cert_count; i++) {
    char text[FINGERPRINT_TEXT];
    fingerprint_format(&from->client_certs[i], text);
    rc = put(a, "INSERT INTO account_client_certs(account_id, position, fingerprint) VALUES (?,?,?)", id, i, text);
  }
  return rc;
}

/* E_EXISTS, with whose it is. */
static int check_user_free(struct admin *a, int64_t id, const char *user, struct reason *why) {
  sqlite3_stmt *s = sql_use(&a->q, "SELECT name FROM account_local_users, accounts"
                                   " WHERE user = ? AND account_id = id AND id <> ?");
  sql_bind_text(s, 1, user);
  sql_bind_int(s, 2, id);
  int rc = sql_step(s);
  if (rc == 1)
    fail(why, E_EXISTS,
         "local user %s sends for account %s, and a user belongs to one account only; name the users that %s is to "
         "keep, or none: sendoff account set %s --local-user none",
         user, sql_text(s, 0), sql_text(s, 0), sql_text(s, 0));
  if (s) sqlite3_reset(s);
  return rc == 1 ? E_EXISTS : rc;
}

static int set_local_users(struct admin *a, int64_t id, const struct account *from, struct reason *why) {
  int rc = clear(a, "DELETE FROM account_local_users WHERE account_id = ?", id);
  for (size_t i = 0; rc == OK && i < from->local_user_count; i++) {
    rc = check_user_free(a, id, from->local_users[i], why);
    if (rc == OK)
      rc = put(a, "INSERT INTO account_local_users(account_id, position, user) VALUES (?,?,?)", id, i,
               from->local_users[i]);
  }
  return rc;
}

/* A text, or a number, of the account's own row. */
static int set_text(struct admin *a, int64_t id, const char *text, const char *value) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_text(s, 1, value);
  sql_bind_int(s, 2, id);
  return sql_run(s);
}

static int set_number(struct admin *a, int64_t id, const char *text, int64_t value) {
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_int(s, 1, value);
  sql_bind_int(s, 2, id);
  return sql_run(s);
}

static int set_pool(struct admin *a, int64_t id, const struct account *from) {
  return set_text(a, id, "UPDATE accounts SET pool = ? WHERE id = ?", from->pool ? from->pool : "default");
}

static int set_8bit(struct admin *a, int64_t id, const struct account *from) {
  return set_number(a, id, "UPDATE accounts SET accept_8bit = ? WHERE id = ?", from->accept_8bit);
}

static int set_long_lines(struct admin *a, int64_t id, const struct account *from) {
  return set_number(a, id, "UPDATE accounts SET convert_long_lines = ? WHERE id = ?", from->convert_long_lines);
}

static int set_idempotent(struct admin *a, int64_t id, const struct account *from) {
  return set_number(a, id, "UPDATE accounts SET idempotent = ? WHERE id = ?", from->idempotent);
}

static int set_rewrite_from(struct admin *a, int64_t id, const struct account *from) {
  return set_text(a, id, "UPDATE accounts SET rewrite_from = ? WHERE id = ?", from->rewrite_from);
}

static int set_time_zone(struct admin *a, int64_t id, const struct account *from) {
  return set_text(a, id, "UPDATE accounts SET time_zone = ? WHERE id = ?", from->time_zone ? from->time_zone : "UTC");
}

static int set_stream(struct admin *a, int64_t id, const struct account *from) {
  return set_number(a, id, "UPDATE accounts SET stream = ? WHERE id = ?", from->stream);
}

static int set_drop_suppressed(struct admin *a, int64_t id, const struct account *from) {
  return set_number(a, id, "UPDATE accounts SET drop_suppressed = ? WHERE id = ?", from->drop_suppressed);
}

static int set_suppress_after(struct admin *a, int64_t id, const struct account *from) {
  return set_number(a, id, "UPDATE accounts SET suppress_after = ? WHERE id = ?", from->suppress_after);
}

static int set_sandbox(struct admin *a, int64_t id, const struct account *from) {
  return set_number(a, id, "UPDATE accounts SET sandbox = ? WHERE id = ?", from->sandbox);
}

static int set_recipients(struct admin *a, int64_t id, bool denied, const char *const *patterns, size_t count) {
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM account_recipients WHERE account_id = ? AND denied = ?");
  sql_bind_int(s, 1, id);
  sql_bind_int(s, 2, denied);
  int rc = sql_run(s);
  for (size_t i = 0; rc == OK && i < count; i++) {
    s = sql_use(&a->q, "INSERT INTO account_recipients(account_id, denied, position, pattern) VALUES (?,?,?,?)");
    sql_bind_int(s, 1, id);
    sql_bind_int(s, 2, denied);
    sql_bind_int(s, 3, (int64_t)i);
    sql_bind_text(s, 4, patterns[i]);
    rc = sql_run(s);
  }
  return rc;
}

static int set_to(struct admin *a, int64_t id, const struct account *from) {
  return set_recipients(a, id, false, from->to, from->to_count);
}

static int set_not_to(struct admin *a, int64_t id, const struct account *from) {
  return set_recipients(a, id, true, from->not_to, from->not_to_count);
}

static int set_stream_pools(struct admin *a, int64_t id, const struct account *from) {
  int rc = clear(a, "DELETE FROM account_pools WHERE account_id = ?", id);
  for (int i = 0; rc == OK && i < STREAM_COUNT; i++)
    if (from->stream_pool[i] && *from->stream_pool[i])
      rc = put(a, "INSERT INTO account_pools(account_id, stream, pool) VALUES (?,?,?)", id, (size_t)i,
               from->stream_pool[i]);
  return rc;
}

static void bind_verifier(sqlite3_stmt *s, int at, const struct scram_verifier *v) {
  sql_bind_int(s, at, v->iterations);
  sql_bind_blob(s, at + 1, (struct bytes){(const char *)v->salt, sizeof v->salt});
  sql_bind_blob(s, at + 2, (struct bytes){(const char *)v->stored_key, sizeof v->stored_key});
  sql_bind_blob(s, at + 3, (struct bytes){(const char *)v->server_key, sizeof v->server_key});
}

static int set_verifier(struct admin *a, int64_t id, const struct account *from) {
  sqlite3_stmt *s =
      sql_use(&a->q, "UPDATE accounts SET iterations = ?, salt = ?, stored_key = ?, server_key = ? WHERE id = ?");
  bind_verifier(s, 1, &from->verifier);
  sql_bind_int(s, 5, id);
  return sql_run(s);
}

static int set_parts(struct admin *a, int64_t id, const char *name, unsigned what, const struct account *from,
                     struct reason *why) {
  static const struct {
    unsigned part;
    int (*set)(struct admin *a, int64_t id, const struct account *from);
  } parts[] = {{ACCOUNT_SENDERS, set_senders},
               {ACCOUNT_POOL, set_pool},
               {ACCOUNT_CLIENT_IPS, set_client_ips},
               {ACCOUNT_8BIT, set_8bit},
               {ACCOUNT_LONG_LINES, set_long_lines},
               {ACCOUNT_VERIFIER, set_verifier},
               {ACCOUNT_IDEMPOTENT, set_idempotent},
               {ACCOUNT_CLIENT_CERTS, set_client_certs},
               {ACCOUNT_TO, set_to},
               {ACCOUNT_NOT_TO, set_not_to},
               {ACCOUNT_REWRITE_FROM, set_rewrite_from},
               {ACCOUNT_TIME_ZONE, set_time_zone},
               {ACCOUNT_STREAM, set_stream},
               {ACCOUNT_DROP_SUPPRESSED, set_drop_suppressed},
               {ACCOUNT_SUPPRESS_AFTER, set_suppress_after},
               {ACCOUNT_SANDBOX, set_sandbox},
               {ACCOUNT_STREAM_POOLS, set_stream_pools}};
  int rc = OK;
  for (size_t i = 0; rc == OK && i < sizeof parts / sizeof parts[0]; i++)
    if (what & parts[i].part) rc = parts[i].set(a, id, from);
  if (rc == E_EXISTS) /* of the parts above the one of which no two accounts may have the same */
    fail(why, rc,
         "a client certificate logs in to one account only, and one of these is bound already; see: sendoff "
         "account list --json");
  if (rc == OK && (what & ACCOUNT_LOCAL_USERS)) rc = set_local_users(a, id, from, why);
  return rc == OK ? settings_write(a, SCOPE_ACCOUNT, name, what, &from->settings) : rc;
}

/* What a session logged in with may hold no longer: messages that it has under way are asked again (write.h). */
static int count_login_change(struct admin *a, int64_t id) {
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE accounts SET login_version = login_version + 1 WHERE id = ?");
  sql_bind_int(s, 1, id);
  return sql_run(s);
}

/* Also when an account is made: a message that was under way while an earlier account of that name was removed may have
 * left a count behind. */
static int forget_usage(struct admin *a, const char *name) {
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM usage_counts WHERE (scope = 2 AND owner = ?1)"
                                   " OR (scope = 3 AND owner >= ?1 || '/' AND owner < ?1 || '0')");
  sql_bind_text(s, 1, name);
  return sql_run(s);
}

/* At most as many rows as an account can have: some hundreds (brake_prints.h). */
static int forget_brake(struct admin *a, const char *name) {
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM brake WHERE account = ?");
  sql_bind_text(s, 1, name);
  int rc = sql_run(s);
  s = sql_use(&a->q, "DELETE FROM brake_recipients WHERE account = ?");
  sql_bind_text(s, 1, name);
  return rc == OK ? sql_run(s) : rc;
}

static int add(struct admin *a, const struct account *from, struct reason *why) {
  sqlite3_stmt *s = sql_use(
      &a->q,
      "INSERT INTO accounts(name, pool, accept_8bit, suspended, iterations, salt, stored_key, server_key, created_us)"
      " VALUES (?, ?, ?, NULL, ?, ?, ?, ?, ?)");
  sql_bind_text(s, 1, from->name);
  sql_bind_text(s, 2, from->pool ? from->pool : "default");
  sql_bind_int(s, 3, from->accept_8bit);
  bind_verifier(s, 4, &from->verifier);
  sql_bind_int(s, 8, clock_now_us());
  int rc = sql_run(s);
  if (rc == E_EXISTS)
    fail(why, rc, "account %s exists already; change it with: sendoff account set %s", from->name, from->name);
  int64_t id = sqlite3_last_insert_rowid(a->q.db);
  if (rc == OK) rc = forget_usage(a, from->name);
  if (rc == OK) rc = forget_brake(a, from->name);
  if (rc == OK)
    rc = set_parts(a, id, from->name, ~(unsigned)(ACCOUNT_POOL | ACCOUNT_8BIT | ACCOUNT_VERIFIER), from, why);
  return rc;
}

int admin_account_add(struct admin *a, const struct account *from, struct reason *why) {
  int rc = admin_begin(a, why);
  return rc == OK ? admin_end(a, add(a, from, why), "config", why) : rc;
}

int admin_account_add_all(struct admin *a, account_next_fn *next, void *arg, struct reason *why) {
  int rc = admin_begin(a, why), more = OK;
  if (rc != OK) return rc;
  struct account one;
  while (rc == OK && (more = next(arg, &one, why)) == 1) rc = add(a, &one, why);
  return admin_end(a, rc == OK ? more : rc, "config", why);
}

/* --- single senders --- */

static int add_sender(struct admin *a, int64_t id, const char *pattern) {
  sqlite3_stmt *s =
      sql_use(&a->q, "INSERT INTO account_senders(account_id, position, pattern)"
                     " SELECT ?1, (SELECT coalesce(max(position) + 1, 0) FROM account_senders WHERE account_id = ?1),"
                     " ?2 WHERE NOT EXISTS (SELECT 1 FROM account_senders WHERE account_id = ?1 AND pattern = ?2)");
  sql_bind_int(s, 1, id);
  sql_bind_text(s, 2, pattern);
  return sql_run(s);
}

static int sender_not_there(struct admin *a, int64_t id, const char *pattern, struct reason *why) {
  sqlite3_stmt *s = sql_use(&a->q, "SELECT group_concat(pattern, ', ') FROM account_senders WHERE account_id = ?");
  sql_bind_int(s, 1, id);
  int rc = sql_step(s);
  if (rc == 1) fail(why, E_NOT_FOUND, "there is no sender %s; what is there: %.300s", pattern, sql_text(s, 0));
  sqlite3_reset(s);
  return rc == 1 ? E_NOT_FOUND : rc;
}

static int remove_sender(struct admin *a, int64_t id, const char *pattern, struct reason *why) {
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM account_senders WHERE account_id = ? AND pattern = ?");
  sql_bind_int(s, 1, id);
  sql_bind_text(s, 2, pattern);
  int rc = sql_run(s);
  return rc == OK && !sqlite3_changes(a->q.db) ? sender_not_there(a, id, pattern, why) : rc;
}

/* The last one stays: an account that may send as nobody is suspended instead. */
static int check_senders(struct admin *a, int64_t id, struct reason *why) {
  int64_t left;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT count(*) FROM account_senders WHERE account_id = ?");
  sql_bind_int(s, 1, id);
  int rc = sql_int(s, 0, &left);
  if (rc == OK && !left)
    return fail(why, E_DENIED, "that is its last sender: add another one first, or suspend the account");
  return rc == OK && left > ADMIN_PATTERNS_MAX ? fail(why, E_LIMIT, "%d senders at most", ADMIN_PATTERNS_MAX) : rc;
}

static int edit_senders(struct admin *a, int64_t id, const struct list_edit *edit, struct reason *why) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < edit->add_count; i++) rc = add_sender(a, id, edit->add[i]);
  for (size_t i = 0; rc == OK && i < edit->remove_count; i++) rc = remove_sender(a, id, edit->remove[i], why);
  return rc == OK && (edit->add_count || edit->remove_count) ? check_senders(a, id, why) : rc;
}

int admin_account_set(struct admin *a, const char *name, unsigned what, const struct account *from,
                      const struct account_edit *edit, struct reason *why) {
  int64_t id;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = find(a, name, &id, why);
  if (rc == OK) rc = set_parts(a, id, name, what, from, why);
  if (rc == OK && edit) rc = edit_senders(a, id, &edit->senders, why);
  if (rc == OK && edit) rc = settings_edit_limits(a, SCOPE_ACCOUNT, name, &edit->limits, why);
  if (rc == OK && (what & (ACCOUNT_VERIFIER | ACCOUNT_CLIENT_CERTS | ACCOUNT_CLIENT_IPS | ACCOUNT_LOCAL_USERS)))
    rc = count_login_change(a, id);
  return admin_end(a, rc, "config", why);
}

int admin_account_suspend(struct admin *a, const char *name, const char *reason, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE accounts SET suspended = ? WHERE name = ?");
  sql_bind_text_or_null(s, 1, reason);
  sql_bind_text(s, 2, name);
  rc = admin_changed(a, sql_run(s), "account", name, why);
  return admin_end(a, rc, "config", why);
}

/* Its suppression list may be long, and the gateway's writer waits while this holds the database: a part at a time,
 * before the account itself goes, so that no later account of the name has any of it. */
#define FORGET_PART 5000
static int forget_part(struct admin *a, const char *text, const char *name, bool *more, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, text);
  sql_bind_text(s, 1, name);
  sql_bind_int(s, 2, FORGET_PART);
  rc = sql_run(s);
  *more = rc == OK && sqlite3_changes(a->q.db) == FORGET_PART;
  return admin_end(a, rc, NULL, why);
}

static int forget_suppressions(struct admin *a, const char *name, struct reason *why) {
  static const char *const texts[] = {
      "DELETE FROM suppressions WHERE id IN (SELECT id FROM suppressions WHERE account = ? LIMIT ?)",
      "DELETE FROM suppression_hits WHERE id IN (SELECT id FROM suppression_hits WHERE account = ? LIMIT ?)"};
  int rc = OK;
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    for (bool more = true; rc == OK && more;) rc = forget_part(a, texts[i], name, &more, why);
  return rc;
}

/* Before anything of it goes: the list of the account "" is everybody's. */
static int check_there(struct admin *a, const char *name, struct reason *why) {
  int64_t id;
  int rc = admin_begin(a, why);
  return rc == OK ? admin_end(a, find(a, name, &id, why), NULL, why) : rc;
}

/* Another account of that name must not find them, nor what they log in with. */
static int forget_routes(struct admin *a, const char *name) {
  static const char *const all[] = {
      "DELETE FROM route_secrets WHERE login IN (SELECT login FROM routes WHERE account = ?)",
      "DELETE FROM route_failures WHERE login IN (SELECT login FROM routes WHERE account = ?)",
      "DELETE FROM routes WHERE account = ?"};
  int rc = OK;
  for (size_t i = 0; rc == OK && *name && i < sizeof all / sizeof all[0]; i++) {
    sqlite3_stmt *s = sql_use(&a->q, all[i]);
    sql_bind_text(s, 1, name);
    rc = sql_run(s);
  }
  return rc;
}

int admin_account_remove(struct admin *a, const char *name, struct reason *why) {
  int64_t id;
  int rc = check_there(a, name, why);
  if (rc == OK) rc = forget_suppressions(a, name, why);
  if (rc == OK) rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = find(a, name, &id, why);
  if (rc == OK) rc = clear(a, "DELETE FROM account_senders WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM account_recipients WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM account_pools WHERE account_id = ?", id);
  if (rc == OK) rc = settings_remove(a, SCOPE_ACCOUNT, name);
  if (rc == OK) rc = clear(a, "DELETE FROM account_client_ips WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM account_client_certs WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM account_local_users WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM accounts WHERE id = ?", id);
  if (rc == OK) rc = forget_usage(a, name);
  if (rc == OK) rc = forget_brake(a, name);
  if (rc == OK) rc = forget_routes(a, name);
  return admin_end(a, rc, "config", why);
}

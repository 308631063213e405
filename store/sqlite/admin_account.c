#include "store/sqlite/admin_base.h"

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

static int set_limits(struct admin *a, int64_t id, const struct account *from) {
  int rc = clear(a, "DELETE FROM account_limits WHERE account_id = ?", id);
  for (size_t i = 0; rc == OK && i < from->limit_count; i++)
    rc = put(a, "INSERT INTO account_limits(account_id, position, spec) VALUES (?,?,?)", id, i, from->limits[i].text);
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

static int set_pool(struct admin *a, int64_t id, const struct account *from) {
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE accounts SET pool = ? WHERE id = ?");
  sql_bind_text(s, 1, from->pool ? from->pool : "default");
  sql_bind_int(s, 2, id);
  return sql_run(s);
}

static int set_8bit(struct admin *a, int64_t id, const struct account *from) {
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE accounts SET accept_8bit = ? WHERE id = ?");
  sql_bind_int(s, 1, from->accept_8bit);
  sql_bind_int(s, 2, id);
  return sql_run(s);
}

static int set_long_lines(struct admin *a, int64_t id, const struct account *from) {
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE accounts SET convert_long_lines = ? WHERE id = ?");
  sql_bind_int(s, 1, from->convert_long_lines);
  sql_bind_int(s, 2, id);
  return sql_run(s);
}

static int set_idempotent(struct admin *a, int64_t id, const struct account *from) {
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE accounts SET idempotent = ? WHERE id = ?");
  sql_bind_int(s, 1, from->idempotent);
  sql_bind_int(s, 2, id);
  return sql_run(s);
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

static int set_parts(struct admin *a, int64_t id, unsigned what, const struct account *from, struct reason *why) {
  static const struct {
    unsigned part;
    int (*set)(struct admin *a, int64_t id, const struct account *from);
  } parts[] = {{ACCOUNT_SENDERS, set_senders},
               {ACCOUNT_LIMITS, set_limits},
               {ACCOUNT_POOL, set_pool},
               {ACCOUNT_CLIENT_IPS, set_client_ips},
               {ACCOUNT_8BIT, set_8bit},
               {ACCOUNT_LONG_LINES, set_long_lines},
               {ACCOUNT_VERIFIER, set_verifier},
               {ACCOUNT_IDEMPOTENT, set_idempotent},
               {ACCOUNT_CLIENT_CERTS, set_client_certs}};
  int rc = OK;
  for (size_t i = 0; rc == OK && i < sizeof parts / sizeof parts[0]; i++)
    if (what & parts[i].part) rc = parts[i].set(a, id, from);
  if (rc == E_EXISTS) /* the one part of which no two accounts may have the same */
    fail(why, rc,
         "a client certificate logs in to one account only, and one of these is bound already; see: sendoff "
         "account list --json");
  return rc;
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
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM usage WHERE account = ?");
  sql_bind_text(s, 1, name);
  return sql_run(s);
}

int admin_account_add(struct admin *a, const struct account *from, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(
      &a->q,
      "INSERT INTO accounts(name, pool, accept_8bit, suspended, iterations, salt, stored_key, server_key, created_us)"
      " VALUES (?, ?, ?, NULL, ?, ?, ?, ?, ?)");
  sql_bind_text(s, 1, from->name);
  sql_bind_text(s, 2, from->pool ? from->pool : "default");
  sql_bind_int(s, 3, from->accept_8bit);
  bind_verifier(s, 4, &from->verifier);
  sql_bind_int(s, 8, clock_now_us());
  rc = sql_run(s);
  if (rc == E_EXISTS)
    fail(why, rc, "account %s exists already; change it with: sendoff account set %s", from->name, from->name);
  int64_t id = sqlite3_last_insert_rowid(a->q.db);
  if (rc == OK) rc = forget_usage(a, from->name);
  if (rc == OK)
    rc = set_parts(a, id,
                   ACCOUNT_SENDERS | ACCOUNT_LIMITS | ACCOUNT_CLIENT_IPS | ACCOUNT_LONG_LINES | ACCOUNT_IDEMPOTENT |
                       ACCOUNT_CLIENT_CERTS,
                   from, why);
  return admin_end(a, rc, "config", why);
}

int admin_account_set(struct admin *a, const char *name, unsigned what, const struct account *from,
                      struct reason *why) {
  int64_t id;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = find(a, name, &id, why);
  if (rc == OK) rc = set_parts(a, id, what, from, why);
  if (rc == OK && (what & (ACCOUNT_VERIFIER | ACCOUNT_CLIENT_CERTS | ACCOUNT_CLIENT_IPS)))
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

int admin_account_remove(struct admin *a, const char *name, struct reason *why) {
  int64_t id;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = find(a, name, &id, why);
  if (rc == OK) rc = clear(a, "DELETE FROM account_senders WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM account_limits WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM account_client_ips WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM account_client_certs WHERE account_id = ?", id);
  if (rc == OK) rc = clear(a, "DELETE FROM accounts WHERE id = ?", id);
  if (rc == OK) rc = forget_usage(a, name);
  return admin_end(a, rc, "config", why);
}

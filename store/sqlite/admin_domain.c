#include "store/sqlite/admin_base.h"

#include "base/clock.h"

int admin_domain_add(struct admin *a, const char *name, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "INSERT INTO domains(name, spf, dmarc, created_us) VALUES (?, ?, ?, ?)");
  sql_bind_text(s, 1, name);
  sql_bind_int(s, 2, CHECK_OBSERVE);
  sql_bind_int(s, 3, CHECK_OBSERVE);
  sql_bind_int(s, 4, clock_now_us());
  rc = sql_run(s);
  if (rc == E_EXISTS) fail(why, rc, "domain %s exists already; see: sendoff domain show %s", name, name);
  return admin_end(a, rc, "config", why);
}

int admin_domain_set_spf(struct admin *a, const char *name, enum check_mode spf, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "UPDATE domains SET spf = ? WHERE name = ?");
  sql_bind_int(s, 1, spf);
  sql_bind_text(s, 2, name);
  rc = admin_changed(a, sql_run(s), "domain", name, why);
  return admin_end(a, rc, "config", why);
}

int admin_domain_remove(struct admin *a, const char *name, struct reason *why) {
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "DELETE FROM keys WHERE domain = ?");
  sql_bind_text(s, 1, name);
  rc = sql_run(s);
  if (rc == OK) {
    s = sql_use(&a->q, "DELETE FROM domains WHERE name = ?");
    sql_bind_text(s, 1, name);
    rc = admin_changed(a, sql_run(s), "domain", name, why);
  }
  return admin_end(a, rc, "config", why);
}

int admin_key_add(struct admin *a, const struct signing_key *k, struct bytes private_pem, struct reason *why) {
  int64_t there;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT 1 FROM domains WHERE name = ?");
  sql_bind_text(s, 1, k->domain);
  rc = sql_int(s, 0, &there);
  if (rc == OK && !there)
    rc = fail(why, E_NOT_FOUND, "there is no domain %s; add it: sendoff domain add %s", k->domain, k->domain);
  if (rc == OK) {
    s = sql_use(&a->q, "INSERT INTO keys(domain, selector, algorithm, state, private_pem, public_base64, created_us) "
                       "VALUES (?,?,?,?,?,?,?)");
    sql_bind_text(s, 1, k->domain);
    sql_bind_text(s, 2, k->selector);
    sql_bind_int(s, 3, k->algorithm);
    sql_bind_int(s, 4, KEY_ACTIVE);
    sql_bind_blob(s, 5, private_pem);
    sql_bind_text(s, 6, k->public_base64);
    sql_bind_int(s, 7, clock_now_us());
    rc = sql_run(s);
    if (rc == E_EXISTS) fail(why, rc, "%s has a key with selector %s already", k->domain, k->selector);
  }
  return admin_end(a, rc, "config", why);
}

#include "base/clock.h"
#include "store/sqlite/operation/operations.h"
#include "store/sqlite/table/tls_tables.h"

void store_tls_counts_init(struct store_tls_counts *c) {
  c->op.kind = OPERATION_TLS_COUNTS;
  c->op.patient = true;
}

/* --- the domain --- */

static int count_domain(struct sql *q, int64_t day) {
  sqlite3_stmt *s =
      sql_use(q, "INSERT INTO tls_days(day, domains) VALUES (?, 1) ON CONFLICT(day) DO UPDATE SET domains "
                 "= domains + 1");
  sql_bind_int(s, 1, day);
  return sql_run(s);
}

static int insert_domain(struct sql *q, const struct tls_count *c) {
  sqlite3_stmt *s =
      sql_use(q, "INSERT INTO tls_domains(day, domain, state, first_us, next_us, attempts, reason) VALUES "
                 "(?, ?, 0, 0, 0, 0, '')");
  sql_bind_int(s, 1, c->day);
  sql_bind_text(s, 2, c->of.domain);
  int rc = sql_run(s);
  return rc == OK ? count_domain(q, c->day) : rc;
}

/* E_LIMIT: the day has no room for another domain. */
static int take_domain(struct sql *q, const struct tls_count *c) {
  int64_t known, domains;
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM tls_domains WHERE day = ? AND domain = ?");
  sql_bind_int(s, 1, c->day);
  sql_bind_text(s, 2, c->of.domain);
  int rc = sql_int(s, 0, &known);
  if (rc != OK || known) return rc;
  s = sql_use(q, "SELECT domains FROM tls_days WHERE day = ?");
  sql_bind_int(s, 1, c->day);
  rc = sql_int(s, 0, &domains);
  if (rc == OK && domains >= TLS_DOMAINS_MOST) return E_LIMIT;
  return rc == OK ? insert_domain(q, c) : rc;
}

/* --- its policy --- */

static int find_policy(struct sql *q, const struct tls_count *c, const struct tls_policy *p, int64_t *id) {
  sqlite3_stmt *s =
      sql_use(q, "SELECT id FROM tls_policies WHERE day = ? AND domain = ? AND type = ? AND policy_domain "
                 "= ? AND strings = ? AND mx = ?");
  sql_bind_int(s, 1, c->day);
  sql_bind_text(s, 2, c->of.domain);
  sql_bind_int(s, 3, (int64_t)p->type);
  sql_bind_text(s, 4, p->domain);
  sql_bind_text(s, 5, p->strings);
  sql_bind_text(s, 6, p->mx);
  return sql_int(s, 0, id);
}

static int insert_policy(struct sql *q, const struct tls_count *c, const struct tls_policy *p) {
  sqlite3_stmt *s = sql_use(q, "INSERT INTO tls_policies(day, domain, type, policy_domain, strings, mx, successes, "
                               "failures) VALUES (?, ?, ?, ?, ?, ?, 0, 0)");
  sql_bind_int(s, 1, c->day);
  sql_bind_text(s, 2, c->of.domain);
  sql_bind_int(s, 3, (int64_t)p->type);
  sql_bind_text(s, 4, p->domain);
  sql_bind_text(s, 5, p->strings);
  sql_bind_text(s, 6, p->mx);
  return sql_run(s);
}

static int count_policies(struct sql *q, const struct tls_count *c, int64_t *count) {
  sqlite3_stmt *s = sql_use(q, "SELECT count(*) FROM tls_policies WHERE day = ? AND domain = ?");
  sql_bind_int(s, 1, c->day);
  sql_bind_text(s, 2, c->of.domain);
  return sql_int(s, 0, count);
}

/* Beyond the bound, one without its text stands for all that come later, of its type. */
static int take_policy(struct sql *q, const struct tls_count *c, int64_t *id) {
  struct tls_policy p = c->of.policy;
  int64_t count;
  if (!*p.domain) p.domain = c->of.domain;
  int rc = find_policy(q, c, &p, id);
  if (rc != OK || *id) return rc;
  if ((rc = count_policies(q, c, &count)) != OK) return rc;
  if (count >= TLS_POLICIES_MOST) {
    p = (struct tls_policy){.type = p.type, .domain = c->of.domain, .strings = "", .mx = ""};
    if ((rc = find_policy(q, c, &p, id)) != OK || *id) return rc;
  }
  rc = insert_policy(q, c, &p);
  return rc == OK ? find_policy(q, c, &p, id) : rc;
}

static int add_sessions(struct sql *q, int64_t policy, const struct tls_count *c) {
  bool failed = c->of.result != TLS_RESULT_SUCCESS;
  sqlite3_stmt *s =
      sql_use(q, "UPDATE tls_policies SET successes = successes + ?, failures = failures + ? WHERE id = ?");
  sql_bind_int(s, 1, failed ? 0 : (int64_t)c->sessions);
  sql_bind_int(s, 2, failed ? (int64_t)c->sessions : 0);
  sql_bind_int(s, 3, policy);
  return sql_run(s);
}

/* --- its failures --- */

static void bind_failure(sqlite3_stmt *s, int64_t policy, const struct tls_outcome *f) {
  sql_bind_int(s, 1, policy);
  sql_bind_int(s, 2, (int64_t)f->result);
  sql_bind_text(s, 3, f->sending_ip);
  sql_bind_text(s, 4, f->receiving_ip);
  sql_bind_text(s, 5, f->mx);
  sql_bind_text(s, 6, f->helo);
  sql_bind_text(s, 7, f->reason);
}

static int find_failure(struct sql *q, int64_t policy, const struct tls_outcome *f, int64_t *known) {
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM tls_failures WHERE policy = ? AND result = ? AND sending_ip = ? AND "
                               "receiving_ip = ? AND mx = ? AND helo = ? AND reason = ?");
  bind_failure(s, policy, f);
  return sql_int(s, 0, known);
}

static int add_failure(struct sql *q, int64_t policy, const struct tls_outcome *f, uint64_t sessions) {
  sqlite3_stmt *s = sql_use(
      q, "INSERT INTO tls_failures(policy, result, sending_ip, receiving_ip, mx, helo, reason, sessions) VALUES "
         "(?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET sessions = sessions + excluded.sessions");
  bind_failure(s, policy, f);
  sql_bind_int(s, 8, (int64_t)sessions);
  return sql_run(s);
}

static int take_failure(struct sql *q, int64_t policy, const struct tls_count *c) {
  struct tls_outcome f = c->of;
  int64_t known, count;
  int rc = find_failure(q, policy, &f, &known);
  if (rc != OK) return rc;
  if (!known) {
    sqlite3_stmt *s = sql_use(q, "SELECT count(*) FROM tls_failures WHERE policy = ?");
    sql_bind_int(s, 1, policy);
    if ((rc = sql_int(s, 0, &count)) != OK) return rc;
    if (count >= TLS_FAILURES_MOST) f = (struct tls_outcome){.result = f.result, .reason = TLS_OTHERS};
  }
  return add_failure(q, policy, &f, c->sessions);
}

/* --- all --- */

static int add(struct sql *q, const struct tls_count *c) {
  int64_t policy = 0;
  int rc = take_domain(q, c);
  if (rc == OK) rc = take_policy(q, c, &policy);
  if (rc == OK) rc = add_sessions(q, policy, c);
  return rc == OK && c->of.result != TLS_RESULT_SUCCESS ? take_failure(q, policy, c) : rc;
}

int operation_tls_counts(struct sql *q, struct store_tls_counts *c) {
  int rc = OK;
  c->left_out = 0;
  for (size_t i = 0; rc == OK && i < c->count; i++) {
    rc = add(q, &c->counts[i]);
    if (rc != E_LIMIT) continue;
    c->left_out += c->counts[i].sessions;
    rc = OK;
  }
  return rc == OK ? tls_tables_forget(q, tls_day(clock_now_us())) : rc;
}

#include "base/clock.h"
#include "store/sqlite/operation/operations.h"
#include "store/sqlite/table/tls_tables.h"

#define PIECE 200 /* rows of a table that are forgotten at once */

void store_tls_report_init(struct store_tls_report *r) {
  r->op.kind = OPERATION_TLS_REPORT;
  r->op.patient = true;
}

static int keep_status(struct sql *q, const struct tls_report_status *t) {
  sqlite3_stmt *s = sql_use(q, "UPDATE tls_domains SET state = ?, first_us = ?, next_us = ?, attempts = ?, reason = ? "
                               "WHERE day = ? AND domain = ?");
  sql_bind_int(s, 1, (int64_t)t->state);
  sql_bind_int(s, 2, t->first_us);
  sql_bind_int(s, 3, t->next_us);
  sql_bind_int(s, 4, t->attempts);
  sql_bind_text(s, 5, t->reason);
  sql_bind_int(s, 6, t->day);
  sql_bind_text(s, 7, t->domain);
  return sql_run(s);
}

static int keep_copy(struct sql *q, const struct tls_report_status *of, const struct tls_report_copy *c) {
  sqlite3_stmt *s = sql_use(
      q, "INSERT OR REPLACE INTO tls_reports(day, domain, uri, state, reason, at_us) VALUES (?, ?, ?, ?, ?, ?)");
  sql_bind_int(s, 1, of->day);
  sql_bind_text(s, 2, of->domain);
  sql_bind_text(s, 3, c->uri);
  sql_bind_int(s, 4, (int64_t)c->state);
  sql_bind_text(s, 5, c->reason);
  sql_bind_int(s, 6, c->at_us);
  return sql_run(s);
}

int operation_tls_report(struct sql *q, struct store_tls_report *r) {
  int rc = keep_status(q, &r->status);
  for (size_t i = 0; rc == OK && i < r->copy_count; i++) rc = keep_copy(q, &r->status, &r->copies[i]);
  return rc == OK ? tls_tables_forget(q, tls_day(clock_now_us())) : rc;
}

/* --- what is older than is kept --- */

int tls_tables_forget(struct sql *q, int64_t today) {
  static const char *const statements[] = {
      "DELETE FROM tls_failures WHERE policy IN (SELECT id FROM tls_policies WHERE day < ?1 OR day > ?2 LIMIT ?3)",
      "DELETE FROM tls_policies WHERE id IN (SELECT id FROM tls_policies WHERE day < ?1 OR day > ?2 LIMIT ?3)",
      "DELETE FROM tls_domains WHERE (day, domain) IN (SELECT day, domain FROM tls_domains WHERE day < ?1 OR day > ?2 "
      "LIMIT ?3)",
      "DELETE FROM tls_reports WHERE (day, domain, uri) IN (SELECT day, domain, uri FROM tls_reports WHERE day < ?1 OR "
      "day > ?2 LIMIT ?3)",
      "DELETE FROM tls_days WHERE day IN (SELECT day FROM tls_days WHERE day < ?1 OR day > ?2 LIMIT ?3)"};
  int rc = OK;
  for (size_t i = 0; rc == OK && i < sizeof statements / sizeof statements[0]; i++) {
    sqlite3_stmt *s = sql_use(q, statements[i]);
    sql_bind_int(s, 1, today - TLS_KEEP_DAYS);
    sql_bind_int(s, 2, today + 1);
    sql_bind_int(s, 3, PIECE);
    rc = sql_run(s);
  }
  return rc;
}

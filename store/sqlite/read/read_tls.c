#include "store/sqlite/reader.h"

/* --- the results of a domain's day --- */

static struct tls_report_row row_of(sqlite3_stmt *s) {
  return (struct tls_report_row){
      .policy_id = sqlite3_column_int64(s, 0),
      .policy = {.type = (enum tls_policy_type)sqlite3_column_int64(s, 1),
                 .domain = sql_text(s, 2),
                 .strings = sql_text(s, 3),
                 .mx = sql_text(s, 4)},
      .successes = (uint64_t)sqlite3_column_int64(s, 5),
      .failures = (uint64_t)sqlite3_column_int64(s, 6),
      .result = (enum tls_result)sqlite3_column_int64(s, 7),
      .sending_ip = sql_text(s, 8),
      .receiving_ip = sql_text(s, 9),
      .mx = sql_text(s, 10),
      .helo = sql_text(s, 11),
      .reason = sql_text(s, 12),
      .sessions = (uint64_t)sqlite3_column_int64(s, 13),
  };
}

/* Values beyond those that this version knows are left out. */
static int give_rows(struct sql *q, int64_t day, const char *domain,
                     bool (*row)(void *arg, const struct tls_report_row *t), void *arg) {
  sqlite3_stmt *s = sql_use(
      q, "SELECT p.id, p.type, p.policy_domain, p.strings, p.mx, p.successes, p.failures, coalesce(f.result, 0), "
         "coalesce(f.sending_ip, ''), coalesce(f.receiving_ip, ''), coalesce(f.mx, ''), coalesce(f.helo, ''), "
         "coalesce(f.reason, ''), coalesce(f.sessions, 0) FROM tls_policies p LEFT JOIN tls_failures f ON f.policy = "
         "p.id AND f.result BETWEEN 1 AND ?3 WHERE p.day = ?1 AND p.domain = ?2 AND p.type BETWEEN 0 AND ?4 "
         "ORDER BY p.id, f.sessions DESC");
  bool more = true;
  int rc;
  sql_bind_int(s, 1, day);
  sql_bind_text(s, 2, domain);
  sql_bind_int(s, 3, TLS_RESULT_COUNT - 1);
  sql_bind_int(s, 4, TLS_POLICY_STS);
  while ((rc = more ? sql_step(s) : OK) == 1) {
    struct tls_report_row t = row_of(s);
    more = row(arg, &t);
  }
  if (s) sqlite3_reset(s);
  return rc;
}

int reader_tls_rows(struct reader *r, int64_t day, const char *domain,
                    bool (*row)(void *arg, const struct tls_report_row *t), void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_rows(&r->at.q, day, domain, row, arg)) : rc;
}

/* --- reports --- */

static struct tls_report_status status_of(sqlite3_stmt *s) {
  return (struct tls_report_status){.day = sqlite3_column_int64(s, 0),
                                    .domain = sql_text(s, 1),
                                    .state = (enum tls_report_state)sqlite3_column_int64(s, 2),
                                    .first_us = sqlite3_column_int64(s, 3),
                                    .next_us = sqlite3_column_int64(s, 4),
                                    .attempts = (unsigned)sqlite3_column_int64(s, 5),
                                    .reason = sql_text(s, 6)};
}

static int give_due(struct sql *q, int64_t first_day, int64_t last_day, int64_t now_us, size_t limit,
                    bool (*row)(void *arg, const struct tls_report_status *s), void *arg) {
  sqlite3_stmt *s = sql_use(q, "SELECT day, domain, state, first_us, next_us, attempts, reason FROM tls_domains WHERE "
                               "state = 0 AND day BETWEEN ? AND ? AND next_us <= ? ORDER BY day, next_us LIMIT ?");
  bool more = true;
  int rc;
  sql_bind_int(s, 1, first_day);
  sql_bind_int(s, 2, last_day);
  sql_bind_int(s, 3, now_us);
  sql_bind_int(s, 4, (int64_t)limit);
  while ((rc = more ? sql_step(s) : OK) == 1) {
    struct tls_report_status t = status_of(s);
    more = row(arg, &t);
  }
  if (s) sqlite3_reset(s);
  return rc;
}

int reader_tls_due(struct reader *r, int64_t first_day, int64_t last_day, int64_t now_us, size_t limit,
                   bool (*row)(void *arg, const struct tls_report_status *s), void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_due(&r->at.q, first_day, last_day, now_us, limit, row, arg)) : rc;
}

static int give_copies(struct sql *q, int64_t day, const char *domain,
                       bool (*row)(void *arg, const struct tls_report_copy *c), void *arg) {
  sqlite3_stmt *s = sql_use(
      q, "SELECT uri, state, reason, at_us FROM tls_reports WHERE day = ? AND domain = ? AND state BETWEEN 0 AND ?");
  bool more = true;
  int rc;
  sql_bind_int(s, 1, day);
  sql_bind_text(s, 2, domain);
  sql_bind_int(s, 3, TLS_REPORT_FAILED);
  while ((rc = more ? sql_step(s) : OK) == 1) {
    struct tls_report_copy c = {sql_text(s, 0), (enum tls_report_state)sqlite3_column_int64(s, 1), sql_text(s, 2),
                                sqlite3_column_int64(s, 3)};
    more = row(arg, &c);
  }
  if (s) sqlite3_reset(s);
  return rc;
}

int reader_tls_copies(struct reader *r, int64_t day, const char *domain,
                      bool (*row)(void *arg, const struct tls_report_copy *c), void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_copies(&r->at.q, day, domain, row, arg)) : rc;
}

typedef bool domain_row(void *arg, const struct tls_report_status *s, uint64_t successes, uint64_t failures);

static int give_domains(struct sql *q, const struct tls_filter *f, domain_row *row, void *arg) {
  sqlite3_stmt *s = sql_use(
      q, "SELECT d.day, d.domain, d.state, d.first_us, d.next_us, d.attempts, d.reason, coalesce(sum(p.successes), 0), "
         "coalesce(sum(p.failures), 0) FROM tls_domains d LEFT JOIN tls_policies p ON p.day = d.day AND p.domain = "
         "d.domain WHERE (?1 < 0 OR d.day = ?1) AND (?2 IS NULL OR d.domain = ?2) AND d.state BETWEEN 0 AND ?3 "
         "GROUP BY d.day, d.domain ORDER BY d.day DESC, d.domain");
  bool more = true;
  int rc;
  sql_bind_int(s, 1, f->day);
  sql_bind_text_or_null(s, 2, f->domain);
  sql_bind_int(s, 3, TLS_REPORT_FAILED);
  while ((rc = more ? sql_step(s) : OK) == 1) {
    struct tls_report_status t = status_of(s);
    more = row(arg, &t, (uint64_t)sqlite3_column_int64(s, 7), (uint64_t)sqlite3_column_int64(s, 8));
  }
  if (s) sqlite3_reset(s);
  return rc;
}

int reader_tls_domains(struct reader *r, const struct tls_filter *f, domain_row *row, void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_domains(&r->at.q, f, row, arg)) : rc;
}

#include "base/clock.h"
#include "store/sqlite/reader.h"
#include "store/sqlite/table/suppressions.h"

#include <stdlib.h>

#define ALSO " AND (?2 = '' OR address LIKE ?2 ESCAPE '\\')"

typedef bool suppression_row_fn(void *arg, const struct suppression *s, const struct bounce_counts *b);

static int read_generation(struct sql *q, int64_t *out) {
  return sql_int(sql_use(q, "SELECT seq FROM sqlite_sequence WHERE name = 'suppressions'"), 0, out);
}

int64_t reader_suppression_generation(struct reader *r) {
  int64_t value;
  if (reader_begin(r, NULL) != OK) return -1;
  return reader_end(r, read_generation(&r->at.q, &value)) == OK ? value : -1;
}

static sqlite3_stmt *bind_filter(sqlite3_stmt *s, const struct suppression_filter *f, const char *like, int64_t at_us) {
  if (f->account) sql_bind_text(s, 1, f->account);
  sql_bind_text(s, 2, like);
  sql_bind_int(s, 3, at_us);
  sql_bind_int(s, 4, f->limit ? (int64_t)f->limit : -1);
  return s;
}

static int give_entries(struct sql *q, const struct suppression_filter *f, const char *like, suppression_row_fn *row,
                        void *arg) {
  static const char *const texts[] = {
      "SELECT " SUPPRESSION_COLUMNS " FROM suppressions WHERE (expires_us = 0 OR expires_us > ?3)" ALSO
      " ORDER BY account, address LIMIT ?4",
      "SELECT " SUPPRESSION_COLUMNS " FROM suppressions WHERE account = ?1 AND (expires_us = 0 OR expires_us > ?3)" ALSO
      " ORDER BY account, address LIMIT ?4"};
  int64_t now = clock_now_us();
  sqlite3_stmt *s = bind_filter(sql_use(q, texts[f->account != NULL]), f, like, now);
  int rc;
  bool more = true;
  while ((rc = more ? sql_step(s) : OK) == 1) {
    struct suppression e = suppression_row(s);
    struct bounce_counts b;
    rc = suppression_counts(q, e.account, e.address, now, &b);
    if (rc != OK) break;
    more = row(arg, &e, &b);
  }
  if (s) sqlite3_reset(s);
  return rc;
}

static int give_bounces(struct sql *q, const struct suppression_filter *f, const char *like, suppression_row_fn *row,
                        void *arg) {
  static const char *const texts[] = {
      "SELECT account, address, sum(hard), count(*), max(at_us) FROM suppression_hits WHERE at_us > ?3" ALSO
      " GROUP BY account, address ORDER BY account, address LIMIT ?4",
      "SELECT account, address, sum(hard), count(*), max(at_us) FROM suppression_hits WHERE account = ?1"
      " AND at_us > ?3" ALSO " GROUP BY account, address ORDER BY account, address LIMIT ?4"};
  sqlite3_stmt *s = bind_filter(sql_use(q, texts[f->account != NULL]), f, like, clock_now_us() - BOUNCE_WINDOW_US);
  int rc;
  bool more = true;
  while ((rc = more ? sql_step(s) : OK) == 1) {
    uint64_t hard = (uint64_t)sqlite3_column_int64(s, 2);
    struct suppression e = {.account = sql_text(s, 0),
                            .address = sql_text(s, 1),
                            .reason = "",
                            .enhanced = "",
                            .text = "",
                            .added_us = sqlite3_column_int64(s, 4)};
    more = row(arg, &e, &(struct bounce_counts){hard, (uint64_t)sqlite3_column_int64(s, 3) - hard});
  }
  if (s) sqlite3_reset(s);
  return rc;
}

static int give(struct reader *r, const struct suppression_filter *f, suppression_row_fn *row, void *arg,
                int (*rows)(struct sql *q, const struct suppression_filter *f, const char *like,
                            suppression_row_fn *row, void *arg)) {
  char *like = f->address ? pattern_to_like(f->address) : NULL;
  int rc = !f->address || like ? reader_begin(r, NULL) : E_MEMORY;
  if (rc == OK) rc = reader_end(r, rows(&r->at.q, f, like, row, arg));
  free(like);
  return rc;
}

int reader_suppressions(struct reader *r, const struct suppression_filter *f, suppression_row_fn *row, void *arg) {
  return give(r, f, row, arg, give_entries);
}

int reader_bounces(struct reader *r, const struct suppression_filter *f, suppression_row_fn *row, void *arg) {
  return give(r, f, row, arg, give_bounces);
}

static int count_entries(struct sql *q, const char *account, int64_t *out) {
  sqlite3_stmt *s =
      sql_use(q, "SELECT count(*) FROM suppressions WHERE account = ? AND (expires_us = 0 OR expires_us > ?)");
  sql_bind_text(s, 1, account);
  sql_bind_int(s, 2, clock_now_us());
  return sql_int(s, 0, out);
}

int reader_suppression_count(struct reader *r, const char *account, uint64_t *out) {
  int64_t count = 0;
  int rc = reader_begin(r, NULL);
  if (rc == OK) rc = reader_end(r, count_entries(&r->at.q, account, &count));
  *out = (uint64_t)count;
  return rc;
}

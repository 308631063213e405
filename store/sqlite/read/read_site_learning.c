#include "store/sqlite/reader.h"
#include "store/sqlite/table/learning_text.h"

typedef bool site_learning_fn(void *arg, const struct site_learning_note *n);

/* False: the row is of no use. */
static bool row_of(sqlite3_stmt *s, struct site_learning_note *out) {
  const char *lists[LEARNING_LISTS];
  for (int i = 0; i < LEARNING_LISTS; i++) lists[i] = sql_text(s, 2 + i);
  int64_t all = sqlite3_column_int64(s, 7), taken = sqlite3_column_int64(s, 8);
  *out = (struct site_learning_note){
      .site = sql_text(s, 0), .source = sql_text(s, 1), .updated_us = sqlite3_column_int64(s, 10)};
  if (taken < 0 || all < taken || all > UINT16_MAX) return false;
  out->learnt.source = (struct learnt_share){(uint16_t)all, (uint16_t)taken};
  out->learnt.aged_us = sqlite3_column_int64(s, 9);
  return learning_read(lists, &out->learnt) == OK;
}

static int give(struct sql *q, const char *site, size_t limit, site_learning_fn *row, void *arg) {
  sqlite3_stmt *s = sql_use(q, "SELECT site, source, greylist, delivery, transactions, hours, sizes, source_all,"
                               " source_taken, aged_us, updated_us FROM site_learning WHERE ?1 = '' OR site = ?1"
                               " ORDER BY updated_us DESC LIMIT ?2");
  int rc;
  bool more = true;
  sql_bind_text(s, 1, site ? site : "");
  sql_bind_int(s, 2, (int64_t)limit);
  while ((rc = more ? sql_step(s) : OK) == 1) {
    struct site_learning_note n;
    if (row_of(s, &n)) more = row(arg, &n);
  }
  if (s) sqlite3_reset(s);
  return rc;
}

int reader_site_learning(struct reader *r, const char *site, size_t limit, site_learning_fn *row, void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give(&r->at.q, site, limit, row, arg)) : rc;
}

#include "store/sqlite/operation/operations.h"
#include "store/sqlite/table/learning_text.h"

void store_site_learning_init(struct store_site_learning *l) {
  l->op.kind = OPERATION_SITE_LEARNING;
  l->op.patient = true;
}

static int forget_old(struct sql *q, int64_t now_us) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM site_learning WHERE updated_us < ?");
  sql_bind_int(s, 1, now_us - SITE_NOTE_KEEP_US);
  return sql_run(s);
}

static int keep(struct sql *q, const struct site_learning_note *n) {
  char lists[LEARNING_LISTS][LEARNING_TEXT];
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO site_learning(site, source, greylist, delivery, transactions,"
                               " hours, sizes, source_all, source_taken, aged_us, updated_us)"
                               " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  learning_write(&n->learnt, lists);
  sql_bind_text(s, 1, n->site);
  sql_bind_text(s, 2, n->source);
  for (int i = 0; i < LEARNING_LISTS; i++) sql_bind_text(s, 3 + i, lists[i]);
  sql_bind_int(s, 8, n->learnt.source.all);
  sql_bind_int(s, 9, n->learnt.source.hits);
  sql_bind_int(s, 10, n->learnt.aged_us);
  sql_bind_int(s, 11, n->updated_us);
  return sql_run(s);
}

int operation_site_learning(struct sql *q, struct store_site_learning *l) {
  int rc = keep(q, &l->note);
  return rc == OK ? forget_old(q, l->note.updated_us) : rc;
}

#include "store/sqlite/admin_base.h"
#include "store/sqlite/shrink.h"

static int file_octets(struct sql *q, uint64_t *out) {
  int64_t pages = 0, size = 0;
  int rc = sql_int(sql_use(q, "PRAGMA page_count"), 0, &pages);
  if (rc == OK) rc = sql_int(sql_use(q, "PRAGMA page_size"), 0, &size);
  *out = (uint64_t)(pages * size);
  return rc;
}

int admin_compact(struct admin *a, uint64_t *before, uint64_t *after, struct reason *why) {
  why->text[0] = '\0';
  int rc = file_octets(&a->q, before);
  if (rc == OK) rc = shrink_whole(&a->q);
  if (rc == OK) rc = file_octets(&a->q, after);
  return rc == OK ? OK : sql_why(&a->q, rc, why);
}

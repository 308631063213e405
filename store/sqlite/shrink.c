#include "store/sqlite/shrink.h"

#define STEP "64" /* pages: bounds how long mail waits for it */
/* What is free is used again by the next mail, so some of it stays: a sixteenth. It begins at an eighth, so that it
 * does not begin and end with each message; and never below 8 MB. */
#define FREE_LEAST 2048
#define PREPARE_MOST 16384 /* pages, 64 MB: written anew in a second or so */

static int pragma(struct sql *q, const char *text, int64_t *out) {
  return sql_int(sql_use(q, text), 0, out);
}

int shrink_whole(struct sql *q) {
  return sql_exec(q, "PRAGMA auto_vacuum=INCREMENTAL; VACUUM");
}

void shrink_prepare(struct sql *q) {
  int64_t mode, pages;
  if (pragma(q, "PRAGMA auto_vacuum", &mode) != OK || mode || pragma(q, "PRAGMA page_count", &pages) != OK) return;
  if (pages <= PREPARE_MOST) shrink_whole(q);
}

int shrink_step(struct sql *q, bool *working) {
  int64_t mode, unused, pages;
  bool was_working = *working;
  *working = false;
  int rc = pragma(q, "PRAGMA auto_vacuum", &mode);
  if (rc != OK || !mode) return rc;
  if ((rc = pragma(q, "PRAGMA freelist_count", &unused)) != OK) return rc;
  if ((rc = pragma(q, "PRAGMA page_count", &pages)) != OK) return rc;
  if (unused <= FREE_LEAST || unused <= pages / (was_working ? 16 : 8)) return OK;
  *working = true;
  return sql_exec(q, "PRAGMA incremental_vacuum(" STEP ")");
}

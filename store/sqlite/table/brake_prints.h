/* Whom an account has written to, on the disk: rows of fingerprints, appended in the order in which they were noted, so
 * that a transaction writes one small row of an account. The oldest go first. Private to store/; one thread. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_BRAKE_PRINTS_H
#define SENDOFF_STORE_SQLITE_TABLE_BRAKE_PRINTS_H

#include "store/brake_set.h"
#include "store/sqlite/sql.h"

#define BRAKE_PRINTS_MAX 65536 /* of an account */
#define BRAKE_PRINTS_FEW 1024  /* that it may have in any case */
#define BRAKE_PRINTS_KEEP_DAYS 180
#define BRAKE_PRINTS_RENEW_DAYS 30 /* a recipient that is still written to is noted anew after so long */
#define BRAKE_PRINTS_ROW 128       /* in a row */

struct brake_prints { /* zeroed: not read yet */
  struct brake_set set;
  bool loaded;
  uint64_t stored; /* on the disk, and in the row that is not written yet; with those that were noted anew */
  /* the last row */
  int64_t number, day;
  uint32_t row[BRAKE_PRINTS_ROW];
  size_t count;
  bool dirty;
};

void brake_prints_free(struct brake_prints *p); /* leaves it zeroed */
/* Notes a recipient. *first: it was not there. At `most` the oldest go. OK or an error of the database. */
int brake_prints_add(struct sql *q, struct brake_prints *p, const char *account, uint32_t print, int64_t today,
                     uint64_t most, bool *first);
int brake_prints_write(struct sql *q, struct brake_prints *p, const char *account); /* before the commit */

#endif

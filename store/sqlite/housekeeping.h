/* What the writer thread does between batches, a bounded piece at a time: purging old log lines, and moving the
 * write-ahead log into the database while nobody waits. Private to store/; the writer thread. */
#ifndef SENDOFF_STORE_SQLITE_HOUSEKEEPING_H
#define SENDOFF_STORE_SQLITE_HOUSEKEEPING_H

#include "store/sqlite/sql.h"
#include "store/store.h"
#include "store/suppression_view.h"

#define PURGE_BATCH 1000 /* events in one piece: bounds how long mail waits for it */

struct housekeeping {
  struct sql *q;
  struct suppression_view *suppressed; /* NULL: the lists are left alone */
  int64_t rebuilt;                     /* the last id that is in the new view; while `rebuilding` */
  bool rebuilding;
  struct store_options options;
  uint64_t purge_at_ms, checkpoint_at_ms; /* monotonic; UINT64_MAX: nothing to do */
};

void housekeeping_init(struct housekeeping *h, struct sql *q, struct suppression_view *suppressed,
                       const struct store_options *options, uint64_t now_ms);
/* A batch was committed: the write-ahead log has grown, and it is not quiet now. */
void housekeeping_busy(struct housekeeping *h, uint64_t now_ms);
/* Does what is due, one piece at most of each; returns when it wants to be called again. */
uint64_t housekeeping_run(struct housekeeping *h, uint64_t now_ms);

#endif

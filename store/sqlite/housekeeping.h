/* What the writer thread does between batches, a bounded piece at a time: indexing the log, purging its old lines,
 * giving the file system back what is free in the database, and moving the write-ahead log into it while nobody waits.
 * Private to store/; the writer thread. */
#ifndef SENDOFF_STORE_SQLITE_HOUSEKEEPING_H
#define SENDOFF_STORE_SQLITE_HOUSEKEEPING_H

#include "store/sqlite/log/log_index.h"
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
  struct log_index *index;                /* NULL: nothing is indexed */
  uint64_t purge_at_ms, checkpoint_at_ms; /* monotonic; UINT64_MAX: nothing to do */
  bool shrinking;
  uint64_t shrink_at_ms;
  uint64_t index_at_ms, busy_ms; /* busy_ms: when the last batch was */
};

/* OK or E_MEMORY. */
int housekeeping_init(struct housekeeping *h, struct sql *q, struct suppression_view *suppressed,
                      const struct store_options *options, uint64_t now_ms);
void housekeeping_free(struct housekeeping *h);
/* A batch was committed: the write-ahead log has grown, and it is not quiet now. */
void housekeeping_busy(struct housekeeping *h, uint64_t now_ms);
/* Does what is due, one piece at most of each; returns when it wants to be called again. */
uint64_t housekeeping_run(struct housekeeping *h, uint64_t now_ms);

#endif

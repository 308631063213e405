/* What the writer thread owns, and what it does with a batch of operations. Private to store/; that thread, except for
 * opening and closing. */
#ifndef SENDOFF_STORE_SQLITE_WRITER_H
#define SENDOFF_STORE_SQLITE_WRITER_H

#include "store/sqlite/idempotency_index.h"
#include "store/sqlite/sql.h"
#include "store/sqlite/usage_table.h"
#include "store/store.h"
#include "store/usage_view.h"

#define BATCH_MAX 512 /* operations in one transaction: bounds how long the first waits for the last */

struct writer {
  struct sql q;
  char *data_dir;
  struct usage_table *usage;
  struct usage_view *view; /* thread-safe */
  struct idempotency_index *index;
  int64_t data_version;
  int64_t removals[BATCH_MAX]; /* messages whose spool files go after the commit */
  size_t removal_count;
  uint64_t operations, commits, failed_commits; /* so far */
};

/* Creates and migrates; removes orphaned spool files. On failure there is nothing to close. */
int writer_open(const char *data_dir, int64_t idempotency_window_us, struct writer *w, struct reason *why);
void writer_close(struct writer *w);
/* Runs a list of at most BATCH_MAX operations, and completes each. */
void writer_run(struct writer *w, struct store_op *batch);

#endif

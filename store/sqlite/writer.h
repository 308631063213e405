/* What the writer thread owns, and what it does with a batch of operations. Private to store/; that thread, except for
 * opening and closing. */
#ifndef SENDOFF_STORE_SQLITE_WRITER_H
#define SENDOFF_STORE_SQLITE_WRITER_H

#include "store/brake_view.h"
#include "store/disk.h"
#include "store/sqlite/files.h"
#include "store/sqlite/health.h"
#include "store/sqlite/renewable.h"
#include "store/sqlite/table/brake_table.h"
#include "store/sqlite/table/idempotency_index.h"
#include "store/sqlite/table/usage_table.h"
#include "store/store.h"
#include "store/suppression_view.h"
#include "store/usage_view.h"

#define BATCH_MAX 512 /* operations in one transaction: bounds how long the first waits for the last */

struct writer {
  struct renewable at;
  unsigned opened;      /* at.opened, when what is kept below was read */
  unsigned long closed; /* at.seen, when the files were noted */
  struct files files;
  struct disk disk;     /* thread-safe in part */
  struct health health; /* thread-safe to read */
  unsigned locked;      /* how often in a row it was */
  uint64_t closed_all_ms, tend_at_ms;
  bool probing;
  struct usage_table *usage;
  struct usage_view *view; /* thread-safe */
  struct brake_table *brake;
  struct brake_view *braked; /* thread-safe */
  struct idempotency_index *index;
  struct suppression_view *suppressed; /* thread-safe to read */
  int64_t suppressions_noticed;        /* the last id that it has */
  int64_t data_version;
  int64_t removals[BATCH_MAX]; /* messages whose spool files go after the commit */
  size_t removal_count;
  uint64_t operations, commits, failed_commits; /* so far */
};

/* Migrates; removes orphaned spool files. Its address stays where it is. On failure there is nothing to close. */
int writer_open(const char *data_dir, const struct store_options *options, struct writer *w, struct reason *why);
void writer_close(struct writer *w);
/* Runs a list of at most BATCH_MAX operations, and completes each. */
void writer_run(struct writer *w, struct store_op *batch);
/* Tries again what is not well, once a second: the database, the files, the ballast. Returns when it wants to be called
 * again; UINT64_MAX: all is well. */
uint64_t writer_tend(struct writer *w, uint64_t now_ms);

#endif

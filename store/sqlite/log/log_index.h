/* The index by which the log is searched. It stands behind the log: nothing of it is written when mail is accepted;
 * housekeeping reads what has come since, a few hundred events at a time, and searches read what is not in it yet.
 *
 * LOG_PART events, oldest first, are a part; LOG_BLOCK of them a block of it. A part has a row of bits, one for each
 * block, for each number that an event can be found by (log_terms.h): set when an event of the block has it. So where
 * an event may be is what all the rows of a search have in common, some dozen octets of each part. A part is written
 * whole, in one transaction, never changed, and removed once its events are gone.
 *
 * Ids sort by time, and a part ends where the next begins, but for events whose ids are older than that: made by a
 * command while the clock was set back. Those are listed (log_late, by a trigger), read by every search, and make parts
 * of their own when there are many.
 *
 * Private to store/; the writer thread, but for log_index_ranges, which is a reader's. */
#ifndef SENDOFF_STORE_SQLITE_LOG_LOG_INDEX_H
#define SENDOFF_STORE_SQLITE_LOG_LOG_INDEX_H

#include "store/sqlite/log/log_terms.h"
#include "store/sqlite/sql.h"

#define LOG_BLOCK 16
#define LOG_BLOCKS 128
#define LOG_PART (LOG_BLOCK * LOG_BLOCKS)
#define LOG_STEP 256 /* events in one step: bounds how long mail waits for it */

struct log_index;

struct log_index *log_index_new(void); /* NULL without memory */
void log_index_free(struct log_index **i);
/* Indexes the next LOG_STEP events at most. *more: there are more. The connection may be another one than before. */
int log_index_step(struct log_index *i, struct sql *q, bool *more);
/* Forgets what has been read and not written. */
void log_index_forget(struct log_index *i);
/* Removes parts whose events are gone, a few at a time. */
int log_index_purge(struct sql *q, bool *more);
/* Octets that the log takes, with its indexes, as far as it is indexed: an estimate (docs/log.md). */
int log_index_octets(struct sql *q, uint64_t *out);

/* Ranges of ids, from the oldest on, none within another. */
struct log_range {
  int64_t first, last;
};
/* Where events may be that have all the terms, within first <= id <= last; malloc'd, free() it in any case. */
int log_index_ranges(struct sql *q, const struct log_terms *terms, int64_t first, int64_t last, struct log_range **out,
                     size_t *count);

#endif

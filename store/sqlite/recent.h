/* The submissions of the last minutes, by digest: what makes the same message, sent again because its 250 was lost, get
 * the first one's id as an answer. Kept in memory, filled from the table `submissions` at its first use, so that a
 * restart forgets nothing. Private to store/; the writer thread. */
#ifndef SENDOFF_STORE_SQLITE_RECENT_H
#define SENDOFF_STORE_SQLITE_RECENT_H

#include "store/sqlite/sql.h"
#include "store/write.h"

#define RECENT_MAX 200000 /* submissions in memory; beyond, the oldest are forgotten before their time */

struct recent;
/* `window_us` 0: nothing is ever found. NULL without memory. */
struct recent *recent_new(struct sql *q, int64_t window_us);
void recent_free(struct recent **r);
/* *id: the message that was accepted with this digest within the window before `now_us`; 0: none. OK, E_MEMORY, or
 * what the database says. */
int recent_find(struct recent *r, const struct submission_digest *digest, int64_t now_us, int64_t *id);
/* Inside the transaction that keeps the message. */
int recent_add(struct recent *r, const struct submission_digest *digest, int64_t id, int64_t now_us);
/* After a rollback: the table decides again. */
void recent_forget(struct recent *r);
/* Removes rows that are older than the window, `most` at most; *more: there may be others. */
int recent_purge(struct sql *q, int64_t window_us, int64_t now_us, int most, bool *more);

#endif

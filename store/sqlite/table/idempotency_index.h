/* The submissions of the last minutes, by idempotency key: what makes the same message, sent again because its 250 was
 * lost, get the first one's id as an answer. Kept in memory, filled from the table `idempotency` at its first use, so
 * that a restart forgets nothing. Private to store/; the writer thread. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_IDEMPOTENCY_INDEX_H
#define SENDOFF_STORE_SQLITE_TABLE_IDEMPOTENCY_INDEX_H

#include "store/sqlite/sql.h"
#include "store/write.h"

#define IDEMPOTENCY_INDEX_MAX 200000 /* submissions in memory; beyond, the oldest are forgotten before their time */

struct idempotency_index;
/* `window_us` 0: nothing is ever found. NULL without memory. */
struct idempotency_index *idempotency_index_new(struct sql *q, int64_t window_us);
void idempotency_index_free(struct idempotency_index **r);
/* *id: the message that was accepted with this key within the window before `now_us`; 0: none. OK, E_MEMORY, or
 * what the database says. */
int idempotency_index_find(struct idempotency_index *r, const struct idempotency_key *key, int64_t now_us, int64_t *id);
/* Inside the transaction that keeps the message. */
int idempotency_index_add(struct idempotency_index *r, const struct idempotency_key *key, int64_t id, int64_t now_us);
/* After a rollback: the table decides again. */
void idempotency_index_forget(struct idempotency_index *r);
/* Removes rows that are older than the window, `most` at most; *more: there may be others. */
int idempotency_index_purge(struct sql *q, int64_t window_us, int64_t now_us, int most, bool *more);

#endif

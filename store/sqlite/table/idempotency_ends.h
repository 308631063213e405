/* What an earlier submission failed to deliver: its recipients that bounced, expired or were dropped, by idempotency
 * key. A repeat is a repeat only for the others; these it may have again, since nobody else will deliver to them.
 * Private to store/; inside a transaction. OK, E_MEMORY, or what the database says. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_IDEMPOTENCY_ENDS_H
#define SENDOFF_STORE_SQLITE_TABLE_IDEMPOTENCY_ENDS_H

#include "store/sqlite/sql.h"
#include "store/write.h"

/* Before a recipient is taken out of the queue without having been delivered to, in the same transaction. */
int idempotency_ends_add(struct sql *q, int64_t recipient_id);
/* Which of these recipients the earlier submissions with this key still have in the queue, or have delivered to.
 * *open: how many they have not. *covered: NULL where that is none or all, else one for each recipient; caller frees.
 */
int idempotency_ends_find(struct sql *q, const struct idempotency_key *key, const struct recipient *recipients,
                          size_t count, size_t *open, bool **covered);
/* They are a new message's now. */
int idempotency_ends_forget(struct sql *q, const struct idempotency_key *key);
/* Removes rows that are older than the window, `most` at most; *more: there may be others. */
int idempotency_ends_purge(struct sql *q, int64_t window_us, int64_t now_us, int most, bool *more);

#endif

/* The accounts' usage, as the writer sees it: read from its row once, kept in memory, written back once a transaction.
 * Private to store/; one thread. */
#ifndef SENDOFF_STORE_SQLITE_USAGE_TABLE_H
#define SENDOFF_STORE_SQLITE_USAGE_TABLE_H

#include "base/usage.h"
#include "store/sqlite/sql.h"
#include "store/usage_view.h"

struct usage_table;
struct usage_table *usage_table_new(struct sql *q); /* NULL without memory */
void usage_table_free(struct usage_table **t);
/* The account's usage, rolled to now; belongs to the table. NULL: it could not be read. */
struct usage *usage_table_get(struct usage_table *t, const char *account, int64_t now_us);
void usage_table_touch(struct usage_table *t, const char *account); /* it was changed: usage_table_write writes it */
int usage_table_write(struct usage_table *t);                       /* the changed ones, before the commit */
/* After the commit: what was written since the last time. */
void usage_table_publish(struct usage_table *t, struct usage_view *view);
void usage_table_forget(struct usage_table *t); /* after a rollback, or when somebody else wrote: rows decide again */

int usage_read(struct sql *q, const char *account, struct usage *out); /* zeroes when there is no row */
int usage_read_all(struct sql *q, struct usage_view *view);            /* USAGE_VIEW_MAX of the rows at most */

#endif

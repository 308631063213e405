/* Everybody's usage, as the writer sees it: read from its row once, kept in memory, written back once a transaction.
 * Private to store/; one thread. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_USAGE_TABLE_H
#define SENDOFF_STORE_SQLITE_TABLE_USAGE_TABLE_H

#include "base/usage/usage.h"
#include "base/usage/usage_scope.h"
#include "store/sqlite/sql.h"
#include "store/usage_view.h"

struct usage_table;
struct usage_table *usage_table_new(struct sql *q); /* NULL without memory */
void usage_table_free(struct usage_table **t);
/* The usage of each scope's owner, rolled to now; they belong to the table, until the next call. OK, or why one could
 * not be read. */
int usage_table_get(struct usage_table *t, const struct usage_scope *scopes, size_t count, int64_t now_us,
                    struct usage *out[USAGE_SCOPES_MAX]);
/* It was changed: usage_table_write writes it. */
void usage_table_touch(struct usage_table *t, struct usage *u);
int usage_table_write(struct usage_table *t); /* the changed ones, before the commit */
/* After the commit: what was written since the last time. */
void usage_table_publish(struct usage_table *t, struct usage_view *view);
void usage_table_forget(struct usage_table *t); /* after a rollback, or when somebody else wrote: rows decide again */

/* Zeroes when there is no row. */
int usage_read(struct sql *q, enum scope scope, const char *owner, struct usage *out);
int usage_read_all(struct sql *q, struct usage_view *view); /* USAGE_VIEW_MAX of the rows at most */

#endif

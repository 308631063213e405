/* What the brake knows of accounts, as the writer sees it: read from rows once, kept in memory, written back once a
 * transaction. Private to store/; one thread. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_BRAKE_TABLE_H
#define SENDOFF_STORE_SQLITE_TABLE_BRAKE_TABLE_H

#include "base/usage/brake.h"
#include "store/brake_view.h"
#include "store/sqlite/sql.h"

struct brake_table;
struct brake_table *brake_table_new(struct sql *q); /* NULL without memory */
void brake_table_free(struct brake_table **t);

/* The account's, for a change: it is written before the commit. *out belongs to the table, until the next call. */
int brake_table_change(struct brake_table *t, const char *account, struct brake **out);
/* The same of an account that has sent before; else *out is NULL. */
int brake_table_change_known(struct brake_table *t, const char *account, struct brake **out);
/* Notes a recipient of its mail. *first: it had not written to that address before. */
int brake_table_note(struct brake_table *t, const char *account, const char *address, int64_t now_us, bool *first);
int brake_table_write(struct brake_table *t); /* before the commit */
/* After the commit: what was written since the last time. */
void brake_table_publish(struct brake_table *t, struct brake_view *view);
void brake_table_forget(struct brake_table *t); /* after a rollback, or when somebody else wrote: rows decide again */

#endif

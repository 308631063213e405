/* Gives the file system back what is free in the database (SQLite's incremental vacuum), a few pages at a time. A store
 * that was made before this had no way to do that: it is made anew at a start of the gateway while it is small, and by
 * command (admin_compact) when it is large. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_SHRINK_H
#define SENDOFF_STORE_SQLITE_SHRINK_H

#include "store/sqlite/sql.h"

/* At a start, before mail comes. What cannot be done is left as it is. */
void shrink_prepare(struct sql *q);
/* One step, when there is much to give back. *working: false at first; true: there is more. */
int shrink_step(struct sql *q, bool *working);
/* All of it, at once: the file is written anew. Nobody else may write meanwhile. */
int shrink_whole(struct sql *q);

#endif

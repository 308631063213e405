/* The "warned" event of a limit that is almost used up. Private to store/; the writer thread. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_LIMIT_WARNING_H
#define SENDOFF_STORE_SQLITE_TABLE_LIMIT_WARNING_H

#include "store/sqlite/sql.h"
#include "store/write.h"

int limit_warning_log(struct sql *q, const struct store_warning *w);

#endif

/* What the operations on TLS results share. Private to store/; the writer thread. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_TLS_TABLES_H
#define SENDOFF_STORE_SQLITE_TABLE_TLS_TABLES_H

#include "store/sqlite/sql.h"

/* Removes a bounded piece of what is older than is kept, and of days to come, which a clock that was wrong has left. */
int tls_tables_forget(struct sql *q, int64_t today);

#endif

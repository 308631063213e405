/* The tables, and the way from each version to the next. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_SCHEMA_H
#define SENDOFF_STORE_SQLITE_SCHEMA_H

#include "store/sqlite/sql.h"

/* Brings the database to this version. E_NEWER when it is beyond. */
int schema_migrate(struct sql *q, struct reason *why);
/* The same, to an older version: for tests of the way from it. */
int schema_migrate_to(struct sql *q, int64_t version, struct reason *why);
/* The same by any steps, for tests: those beyond the user_version, all in one transaction. */
int schema_migrate_by(struct sql *q, const char *const *steps, int64_t count, struct reason *why);
/* OK when the database is of this version. */
int schema_check(struct sql *q, struct reason *why);
/* Gives id_new() the node number of this store. */
int schema_set_node(struct sql *q, struct reason *why);

#endif

/* Lists of the configuration, read into a directory under construction. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_DIRECTORY_LOAD_H
#define SENDOFF_STORE_SQLITE_DIRECTORY_LOAD_H

#include "base/directory_build.h"
#include "store/sqlite/sql.h"

/* The texts of a statement's first column, in its order. The caller has bound it. */
int directory_load_list(struct sql *q, sqlite3_stmt *s, struct directory_owner *o, const char *const **out,
                        size_t *count);
/* Limits and check modes of one owner; `why` says which cannot be read. */
int directory_load_settings(struct sql *q, struct directory_owner *o, enum scope scope, const char *owner,
                            struct settings *out, struct reason *why);

#endif

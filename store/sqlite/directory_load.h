/* What the files that load a directory share. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_DIRECTORY_LOAD_H
#define SENDOFF_STORE_SQLITE_DIRECTORY_LOAD_H

#include "base/directory/directory_build.h"
#include "store/sqlite/sql.h"

/* A snapshot while it is loaded: its arrays, still to be changed. Accounts are in the order of their ids, domains of
 * their names. */
struct loading {
  struct sql *q;
  struct directory_owner *o;
  struct account *accounts;
  struct domain *domains;
  struct reason *why;
};

/* NULL: there is none (any more). */
struct account *loading_account(struct loading *l, int64_t id);
struct domain *loading_domain(struct loading *l, const char *name);

/* One pass over a table. Its rows come with those of one owner together, in their order, so that each owner's list is a
 * part of one array: as many queries as there are tables, however many accounts there are. `item` is the array's next
 * element, zeroed. */
struct row_pass {
  const char *count; /* SELECT count(*) ... */
  const char *rows;
  size_t size; /* of an item */
  /* OK: `item` is used. E_NOT_FOUND: the row is nobody's, and the next one has that item. */
  int (*row)(struct loading *l, sqlite3_stmt *s, void *item);
};
int loading_pass(struct loading *l, const struct row_pass *pass);

/* Limits, modes of checks and what belongs to streams, once the accounts and the domains are there. */
int loading_settings(struct loading *l);

#endif

/* Rows that the writer keeps in memory: read once, changed there, written back once a transaction, and given to those
 * who look on after the commit. What a row has is its owner's: a struct that begins with kept_row. Private to store/;
 * one thread. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_KEPT_ROWS_H
#define SENDOFF_STORE_SQLITE_TABLE_KEPT_ROWS_H

#include "base/hash.h"
#include "store/sqlite/sql.h"

#include <stdbool.h>
#include <stddef.h>

struct kept_row {
  const char *key; /* the owner's, as long as the row is here */
  bool dirty;
  struct kept_row *next;
  UT_hash_handle hh;
};

struct kept_rows { /* zeroed: none */
  struct kept_row *all;
  struct kept_row *dirty, *written; /* changed since it was written; written since it was taken. By next */
};

struct kept_row *kept_rows_find(const struct kept_rows *rows, const char *key); /* NULL: it is not here */
size_t kept_rows_count(const struct kept_rows *rows);
int kept_rows_add(struct kept_rows *rows, struct kept_row *row);    /* E_MEMORY: it is not added */
void kept_rows_touch(struct kept_rows *rows, struct kept_row *row); /* it was changed */
/* Before the commit: writes what was changed. OK, or what `write` said of the first that it could not write. */
int kept_rows_write(struct kept_rows *rows, struct sql *q, int (*write)(struct sql *q, struct kept_row *row));
/* After the commit: one that was written since the last time, NULL when there are no more. */
struct kept_row *kept_rows_take_written(struct kept_rows *rows);
/* Gives all of them to `release`, which frees them. */
void kept_rows_forget(struct kept_rows *rows, void (*release)(struct kept_row *row));

#endif

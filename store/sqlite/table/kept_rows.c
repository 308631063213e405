#include "store/sqlite/table/kept_rows.h"

#include <string.h>

struct kept_row *kept_rows_find(const struct kept_rows *rows, const char *key) {
  struct kept_row *found;
  HASH_FIND_STR(rows->all, key, found);
  return found;
}

size_t kept_rows_count(const struct kept_rows *rows) {
  return HASH_COUNT(rows->all);
}

int kept_rows_add(struct kept_rows *rows, struct kept_row *row) {
  HASH_ADD_KEYPTR(hh, rows->all, row->key, strlen(row->key), row);
  return row->hh.tbl ? OK : E_MEMORY;
}

void kept_rows_touch(struct kept_rows *rows, struct kept_row *row) {
  if (row->dirty) return;
  row->dirty = true;
  row->next = rows->dirty;
  rows->dirty = row;
}

int kept_rows_write(struct kept_rows *rows, struct sql *q, int (*write)(struct sql *q, struct kept_row *row)) {
  while (rows->dirty) {
    struct kept_row *row = rows->dirty;
    int rc = write(q, row);
    if (rc != OK) return rc;
    rows->dirty = row->next;
    row->dirty = false;
    row->next = rows->written;
    rows->written = row;
  }
  return OK;
}

struct kept_row *kept_rows_take_written(struct kept_rows *rows) {
  struct kept_row *row = rows->written;
  if (row) rows->written = row->next;
  return row;
}

void kept_rows_forget(struct kept_rows *rows, void (*release)(struct kept_row *row)) {
  struct kept_row *row = rows->all;
  HASH_CLEAR(hh, rows->all); /* the rows stay linked */
  while (row) {
    struct kept_row *next = row->hh.next;
    release(row);
    row = next;
  }
  rows->dirty = rows->written = NULL;
}

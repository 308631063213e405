#include "base/clock.h"
#include "store/sqlite/operation/operations.h"

#include <stdlib.h>
#include <string.h>

#define NOTICE_PART 5000 /* entries in one operation: bounds how long mail waits for it */

int store_suppression_find_init(struct store_suppression_find *f, const char *account, const char *address) {
  memset(f, 0, sizeof *f);
  f->op.kind = OPERATION_SUPPRESSION_FIND;
  bytes_copy(bytes_of(account), f->account, sizeof f->account);
  return address_key(bytes_of(address), f->key);
}

void store_suppression_notice_init(struct store_suppression_notice *n) {
  memset(n, 0, sizeof *n);
  n->op.kind = OPERATION_SUPPRESSION_NOTICE;
}

static const char *copy(char **at, const char *text) {
  size_t n = strlen(text) + 1;
  char *begin = memcpy(*at, text, n);
  *at += n;
  return begin;
}

static int keep(struct store_suppression_find *f, const struct suppression *e) {
  size_t size = strlen(e->account) + strlen(e->address) + strlen(e->reason) + strlen(e->enhanced) + strlen(e->text) + 5;
  char *at = f->text = malloc(size);
  if (!at) return E_MEMORY;
  f->entry = *e;
  f->entry.account = copy(&at, e->account);
  f->entry.address = copy(&at, e->address);
  f->entry.reason = copy(&at, e->reason);
  f->entry.enhanced = copy(&at, e->enhanced);
  f->entry.text = copy(&at, e->text);
  f->found = true;
  return OK;
}

int operation_suppression_find(struct sql *q, struct store_suppression_find *f) {
  struct suppression e;
  sqlite3_stmt *row;
  free(f->text); /* of an earlier run */
  f->text = NULL;
  f->found = false;
  int64_t now = clock_now_us();
  int rc = suppression_read(q, f->account, f->key, now, &e, &row);
  if (rc != 1) return rc;
  rc = keep(f, &e);
  sqlite3_reset(row);
  return rc == OK ? suppression_counts(q, f->account, f->key, now, &f->bounces) : rc;
}

int operation_suppression_notice(struct sql *q, struct suppression_view *view, int64_t *noticed,
                                 struct store_suppression_notice *n) {
  return suppression_load(q, view, noticed, NOTICE_PART, &n->more);
}

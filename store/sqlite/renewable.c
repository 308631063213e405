#include "store/sqlite/renewable.h"

#include "base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Held for reading while a connection is in use, for writing while all are closed or the list changes. */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct renewable *all;
static atomic_uint open_count;
static atomic_ulong closed; /* how often the last of them was: no file is held from before that */

static void close_now(struct renewable *r) {
  if (!r->q.db) return;
  sql_close(&r->q);
  if (atomic_fetch_sub(&open_count, 1) == 1) atomic_fetch_add(&closed, 1);
}

static int open_now(struct renewable *r, struct reason *why) {
  int rc = sql_open(r->data_dir, r->how, &r->q, why);
  r->failed = rc != OK;
  if (rc != OK) return rc;
  r->opened++;
  atomic_fetch_add(&open_count, 1);
  return OK;
}

int renewable_open(struct renewable *r, const char *data_dir, enum sql_open how, struct reason *why) {
  memset(r, 0, sizeof *r);
  r->how = how;
  r->data_dir = strdup(data_dir);
  int rc = r->data_dir ? open_now(r, why) : fail(why, E_MEMORY, "out of memory");
  if (rc != OK) {
    free(r->data_dir);
    r->data_dir = NULL;
    return rc;
  }
  if (how == SQL_CREATE) r->how = SQL_WRITE; /* what is removed later is not made again */
  pthread_rwlock_wrlock(&lock);
  r->next = all;
  if (all) all->prev = r;
  all = r;
  pthread_rwlock_unlock(&lock);
  return OK;
}

void renewable_close(struct renewable *r) {
  if (!r->data_dir) return;
  pthread_rwlock_wrlock(&lock);
  if (r->next) r->next->prev = r->prev;
  if (r->prev)
    r->prev->next = r->next;
  else
    all = r->next;
  pthread_rwlock_unlock(&lock);
  close_now(r);
  free(r->data_dir);
  r->data_dir = NULL;
}

int renewable_begin(struct renewable *r, struct reason *why) {
  if (r->uses++) return OK;
  pthread_rwlock_rdlock(&lock);
  if (r->failed) close_now(r);
  int rc = r->q.db ? OK : open_now(r, why);
  r->seen = atomic_load(&closed);
  sql_trouble_forget();
  if (rc == OK) return OK;
  r->uses = 0;
  pthread_rwlock_unlock(&lock);
  return rc;
}

static void close_each(void) {
  for (struct renewable *r = all; r; r = r->next) close_now(r);
}

/* Unless somebody else has done so since. */
static void close_all_since(unsigned long seen) {
  pthread_rwlock_wrlock(&lock);
  bool mine = seen == atomic_load(&closed);
  if (mine) close_each();
  pthread_rwlock_unlock(&lock);
  if (mine)
    log_event(LOG_WARN_, NULL, "the store's connections are opened anew", "reason",
              "its locks have gone wrong in this process", NULL);
}

int renewable_end(struct renewable *r, int rc) {
  if (--r->uses) return rc;
  enum sql_trouble met = sql_trouble();
  unsigned long seen = r->seen;
  if (met != SQL_TROUBLE_NONE) r->failed = true;
  pthread_rwlock_unlock(&lock);
  if (met == SQL_TROUBLE_LOCKS) close_all_since(seen);
  return rc;
}

void renewable_close_all(void) {
  pthread_rwlock_wrlock(&lock);
  close_each();
  pthread_rwlock_unlock(&lock);
}

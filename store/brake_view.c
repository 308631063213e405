#include "store/brake_view.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  struct brake_status status;
  UT_hash_handle hh;
  char account[];
};

struct brake_view {
  pthread_mutex_t lock;
  struct entry *entries;
};

struct brake_view *brake_view_new(void) {
  struct brake_view *v = calloc(1, sizeof *v);
  if (v) pthread_mutex_init(&v->lock, NULL);
  return v;
}

static void drop_all(struct brake_view *v) {
  struct entry *e = v->entries;
  HASH_CLEAR(hh, v->entries); /* the entries stay linked */
  while (e) {
    struct entry *next = e->hh.next;
    free(e);
    e = next;
  }
}

void brake_view_free(struct brake_view **at) {
  struct brake_view *v = *at;
  *at = NULL;
  if (!v) return;
  drop_all(v);
  pthread_mutex_destroy(&v->lock);
  free(v);
}

void brake_view_clear(struct brake_view *v) {
  pthread_mutex_lock(&v->lock);
  drop_all(v);
  pthread_mutex_unlock(&v->lock);
}

static struct entry *add(struct brake_view *v, const char *account) {
  size_t size = strlen(account) + 1;
  struct entry *e = HASH_COUNT(v->entries) < BRAKE_VIEW_MAX ? calloc(1, sizeof *e + size) : NULL;
  if (!e) return NULL;
  memcpy(e->account, account, size);
  HASH_ADD_STR(v->entries, account, e);
  if (e->hh.tbl) return e;
  free(e);
  return NULL;
}

void brake_view_put(struct brake_view *v, const char *account, const struct brake_status *status) {
  struct entry *e;
  pthread_mutex_lock(&v->lock);
  HASH_FIND_STR(v->entries, account, e);
  if (status->step == BRAKE_NONE && e) {
    HASH_DEL(v->entries, e);
    free(e);
  } else if (status->step != BRAKE_NONE) {
    if (!e) e = add(v, account);
    if (e) e->status = *status;
  }
  pthread_mutex_unlock(&v->lock);
}

void brake_view_get(struct brake_view *v, const char *account, struct brake_status *out) {
  struct entry *e;
  pthread_mutex_lock(&v->lock);
  HASH_FIND_STR(v->entries, account, e);
  *out = e ? e->status : (struct brake_status){0};
  pthread_mutex_unlock(&v->lock);
}

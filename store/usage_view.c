#include "store/usage_view.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  struct usage usage;
  int64_t at_us;
  UT_hash_handle hh;
  char account[];
};

struct usage_view {
  pthread_mutex_t lock;
  struct entry *entries; /* uthash keeps the order in which they came */
};

struct usage_view *usage_view_new(void) {
  struct usage_view *v = calloc(1, sizeof *v);
  if (v) pthread_mutex_init(&v->lock, NULL);
  return v;
}

static void drop(struct usage_view *v, struct entry *e) {
  HASH_DEL(v->entries, e);
  free(e);
}

void usage_view_free(struct usage_view **at) {
  struct usage_view *v = *at;
  *at = NULL;
  if (!v) return;
  while (v->entries) drop(v, v->entries);
  pthread_mutex_destroy(&v->lock);
  free(v);
}

static struct entry *add(struct usage_view *v, const char *account) {
  size_t size = strlen(account) + 1;
  if (HASH_COUNT(v->entries) >= USAGE_VIEW_MAX) drop(v, v->entries);
  struct entry *e = calloc(1, sizeof *e + size);
  if (!e) return NULL;
  memcpy(e->account, account, size);
  HASH_ADD_STR(v->entries, account, e);
  if (e->hh.tbl) return e;
  free(e);
  return NULL;
}

void usage_view_put(struct usage_view *v, const char *account, const struct usage *u, int64_t now_us) {
  struct entry *e;
  pthread_mutex_lock(&v->lock);
  HASH_FIND_STR(v->entries, account, e);
  if (!e) e = add(v, account);
  if (e) {
    e->usage = *u;
    e->at_us = now_us;
  }
  pthread_mutex_unlock(&v->lock);
}

void usage_view_get(struct usage_view *v, const char *account, int64_t since_us, struct usage *out) {
  struct entry *e;
  memset(out, 0, sizeof *out);
  pthread_mutex_lock(&v->lock);
  HASH_FIND_STR(v->entries, account, e);
  if (e && e->at_us >= since_us) *out = e->usage;
  pthread_mutex_unlock(&v->lock);
}

#include "store/usage_view.h"

#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct entry {
  int64_t at_us;
  unsigned char *packed; /* usage_pack's: most owners send seldom, and have little */
  size_t room;
  UT_hash_handle hh;
  char owner[];
};

struct usage_view {
  pthread_mutex_t lock;
  struct entry *entries[SCOPE_COUNT]; /* uthash keeps the order in which they came */
};

struct usage_view *usage_view_new(void) {
  struct usage_view *v = calloc(1, sizeof *v);
  if (v) pthread_mutex_init(&v->lock, NULL);
  return v;
}

static void free_entry(struct entry *e) {
  free(e->packed);
  free(e);
}

static void drop(struct usage_view *v, enum scope scope, struct entry *e) {
  HASH_DEL(v->entries[scope], e);
  free_entry(e);
}

void usage_view_free(struct usage_view **at) {
  struct usage_view *v = *at;
  *at = NULL;
  if (!v) return;
  for (enum scope scope = 0; scope < SCOPE_COUNT; scope++)
    while (v->entries[scope]) drop(v, scope, v->entries[scope]);
  pthread_mutex_destroy(&v->lock);
  free(v);
}

static struct entry *add(struct usage_view *v, enum scope scope, const char *owner) {
  size_t size = strlen(owner) + 1;
  if (HASH_COUNT(v->entries[scope]) >= USAGE_VIEW_MAX) drop(v, scope, v->entries[scope]);
  struct entry *e = calloc(1, sizeof *e + size);
  if (!e) return NULL;
  memcpy(e->owner, owner, size);
  HASH_ADD_STR(v->entries[scope], owner, e);
  if (e->hh.tbl) return e;
  free_entry(e);
  return NULL;
}

static bool make_room(struct entry *e, size_t size) {
  if (size <= e->room && e->room <= 2 * size) return true;
  unsigned char *more = realloc(e->packed, size);
  if (!more) return size <= e->room;
  e->packed = more;
  e->room = size;
  return true;
}

void usage_view_put(struct usage_view *v, enum scope scope, const char *owner, const struct usage *u, int64_t now_us) {
  unsigned char packed[USAGE_PACKED_MAX];
  size_t size = usage_pack(u, packed);
  struct entry *e;
  pthread_mutex_lock(&v->lock);
  HASH_FIND_STR(v->entries[scope], owner, e);
  if (!e) e = add(v, scope, owner);
  if (e && make_room(e, size)) {
    memcpy(e->packed, packed, size);
    e->at_us = now_us;
  }
  pthread_mutex_unlock(&v->lock);
}

void usage_view_get(struct usage_view *v, const struct usage_scope *scope, struct usage *out) {
  struct entry *e;
  memset(out, 0, sizeof *out);
  pthread_mutex_lock(&v->lock);
  HASH_FIND_STR(v->entries[scope->scope], scope->owner, e);
  if (e && e->packed && e->at_us >= scope->since_us) usage_unpack(e->packed, out);
  pthread_mutex_unlock(&v->lock);
}

#include "relay/delivery/site/site_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct site {
  char key[SITE_KEY_MAX];
  enum site_class class;
  uint64_t noted_ms;
  UT_hash_handle hh;
};
struct site_memory {
  struct site *table; /* in the order of being noted */
};

struct site_memory *site_memory_new(void) {
  return calloc(1, sizeof(struct site_memory));
}

static void drop(struct site_memory *m, struct site *s) {
  HASH_DEL(m->table, s);
  free(s);
}

void site_memory_free(struct site_memory **m) {
  if (!*m) return;
  while ((*m)->table) drop(*m, (*m)->table);
  free(*m);
  *m = NULL;
}

static struct site *find(struct site_memory *m, const char *key, uint64_t now_ms) {
  struct site *s = NULL;
  char cut[SITE_KEY_MAX];
  snprintf(cut, sizeof cut, "%s", key);
  HASH_FIND_STR(m->table, cut, s);
  if (!s || now_ms - s->noted_ms < SITE_MEMORY_MS) return s;
  drop(m, s);
  return NULL;
}

static void note(struct site_memory *m, const char *key, enum site_class class, uint64_t now_ms) {
  struct site *s = find(m, key, now_ms);
  if (s && s->class == class) { /* its place may stay: what is dropped too early is only new again */
    s->noted_ms = now_ms;
    return;
  }
  if (s) drop(m, s);
  if (HASH_COUNT(m->table) >= SITE_MEMORY_MAX) drop(m, m->table);
  s = calloc(1, sizeof *s);
  if (!s) return;
  snprintf(s->key, sizeof s->key, "%s", key);
  s->class = class;
  s->noted_ms = now_ms;
  HASH_ADD_STR(m->table, key, s);
  if (!s->hh.tbl) free(s);
}

void site_answered(struct site_memory *m, const char *key, uint64_t now_ms) {
  note(m, key, SITE_ANSWERS, now_ms);
}

void site_was_silent(struct site_memory *m, const char *key, uint64_t now_ms) {
  struct site *s = find(m, key, now_ms);
  if (s && s->class == SITE_ANSWERS)
    drop(m, s);
  else
    note(m, key, SITE_SILENT, now_ms);
}

enum site_class site_class_of(struct site_memory *m, const char *key, uint64_t now_ms) {
  const struct site *s = find(m, key, now_ms);
  return s ? s->class : SITE_NEW;
}

#include "relay/delivery/route/source_success.h"

#include "base/address/cidr.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FULL_WEIGHT 100

struct entry {
  char *site;
  size_t count;
  struct learnt_share taken[SOURCE_SUCCESS_SOURCES]; /* the one that was heard of longest ago first */
  char sources[SOURCE_SUCCESS_SOURCES][IP_TEXT];
  UT_hash_handle hh;
};

struct source_success {
  struct entry *table; /* in the order of being added */
};

struct source_success *source_success_new(void) {
  return calloc(1, sizeof(struct source_success));
}

static void drop(struct source_success *s, struct entry *e) {
  HASH_DEL(s->table, e);
  free(e->site);
  free(e);
}

void source_success_free(struct source_success **s) {
  if (!*s) return;
  while ((*s)->table) drop(*s, (*s)->table);
  free(*s);
  *s = NULL;
}

static struct entry *find(const struct source_success *s, const char *site) {
  struct entry *e = NULL;
  HASH_FIND_STR(s->table, site, e);
  return e;
}

static struct entry *add(struct source_success *s, const char *site) {
  if (HASH_COUNT(s->table) >= SOURCE_SUCCESS_SITES) drop(s, s->table);
  struct entry *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->site = strdup(site);
  if (e->site) HASH_ADD_KEYPTR(hh, s->table, e->site, strlen(e->site), e);
  if (e->site && e->hh.tbl) return e;
  free(e->site);
  free(e);
  return NULL;
}

static size_t index_of(const struct entry *e, const char *source) {
  size_t i = 0;
  while (i < e->count && strcmp(e->sources[i], source) != 0) i++;
  return i;
}

static void remove_at(struct entry *e, size_t i) {
  e->count--;
  memmove(&e->taken[i], &e->taken[i + 1], (e->count - i) * sizeof e->taken[0]);
  memmove(&e->sources[i], &e->sources[i + 1], (e->count - i) * sizeof e->sources[0]);
}

void source_success_set(struct source_success *s, const char *site, const char *source, struct learnt_share taken) {
  struct entry *e = find(s, site);
  if (!e) e = add(s, site);
  if (!e) return;
  size_t i = index_of(e, source);
  if (i < e->count)
    remove_at(e, i);
  else if (e->count == SOURCE_SUCCESS_SOURCES)
    remove_at(e, 0);
  snprintf(e->sources[e->count], sizeof e->sources[0], "%s", source);
  e->taken[e->count++] = taken;
}

unsigned source_success_percent(const struct source_success *s, const char *site, const char *source) {
  const struct entry *e = find(s, site);
  size_t i = e ? index_of(e, source) : 0;
  return e && i < e->count ? learnt_percent(&e->taken[i], e->taken, e->count) : FULL_WEIGHT;
}

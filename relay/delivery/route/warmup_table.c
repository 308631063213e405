/* The sources that warm up, and each of them at each provider, in memory. */
#include "relay/delivery/route/warmup_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void drop_entry(struct warmup_watch *w, struct entry *e) {
  HASH_DELETE(hh, w->entries, e);
  HASH_DELETE(hh_id, w->by_id, e);
  free(e->key);
  free(e);
}

void warmup_table_drop_entries(struct warmup_watch *w, const struct warming *of) {
  struct entry *e, *next;
  HASH_ITER(hh, w->entries, e, next) {
    if (e->source == of) drop_entry(w, e);
  }
}

void warmup_table_drop_source(struct warmup_watch *w, struct warming *s) {
  warmup_table_drop_entries(w, s);
  HASH_DEL(w->sources, s);
  free(s->text);
  free(s);
}

struct warming *warmup_table_add_source(struct warmup_watch *w, const char *address) {
  struct warming *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  snprintf(s->address, sizeof s->address, "%s", address);
  HASH_ADD_STR(w->sources, address, s);
  if (s->hh.tbl) return s;
  free(s);
  return NULL;
}

struct entry *warmup_table_add_entry(struct warmup_watch *w, struct warming *source, const char *provider) {
  struct entry *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->source = source;
  e->id = ++w->last_id;
  if (asprintf(&e->key, "%s %s", source->address, provider) < 0) e->key = NULL;
  if (e->key) HASH_ADD_KEYPTR(hh, w->entries, e->key, strlen(e->key), e);
  if (e->key && e->hh.tbl) HASH_ADD(hh_id, w->by_id, id, sizeof e->id, e);
  if (e->key && e->hh.tbl && !e->hh_id.tbl) HASH_DELETE(hh, w->entries, e);
  if (e->key && e->hh_id.tbl) {
    e->provider = e->key + strlen(source->address) + 1;
    return e;
  }
  free(e->key);
  free(e);
  return NULL;
}

struct warming *warmup_table_source(const struct warmup_watch *w, const char *address) {
  struct warming *s = NULL;
  HASH_FIND_STR(w->sources, address, s);
  return s;
}

struct entry *warmup_table_entry(const struct warmup_watch *w, const struct warming *source, const char *provider) {
  char key[IP_TEXT + 300];
  struct entry *e = NULL;
  snprintf(key, sizeof key, "%s %s", source->address, provider);
  HASH_FIND_STR(w->entries, key, e);
  return e;
}

struct entry *warmup_table_entry_with(const struct warmup_watch *w, int64_t id) {
  struct entry *e = NULL;
  HASH_FIND(hh_id, w->by_id, &id, sizeof id, e);
  return e;
}

#include "relay/domain/key_seen.h"

#include <stdlib.h>

static struct key_seen *find(struct key_seen *table, int64_t id) {
  struct key_seen *s;
  HASH_FIND(hh, table, &id, sizeof id, s);
  return s;
}

struct key_seen *key_seen_find(struct key_seen *table, const struct signing_key *k) {
  struct key_seen *s = find(table, k->id);
  return s && s->state == k->state ? s : NULL;
}

void key_seen_forget(struct key_seen **table, int64_t id) {
  struct key_seen *s = find(*table, id);
  if (!s) return;
  HASH_DEL(*table, s);
  free(s);
}

struct key_seen *key_seen_of(struct key_seen **table, const struct signing_key *k) {
  struct key_seen *s = key_seen_find(*table, k);
  if (s) return s;
  key_seen_forget(table, k->id);
  s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->id = k->id;
  s->state = k->state;
  HASH_ADD(hh, *table, id, sizeof s->id, s);
  if (s->hh.tbl) return s;
  free(s);
  return NULL;
}

struct signing_key key_seen_now(struct key_seen *table, const struct signing_key *k) {
  struct signing_key now = *k;
  const struct key_seen *s = key_seen_find(table, k);
  if (!s) return now;
  if (s->checked_us > now.checked_us) now.checked_us = s->checked_us;
  if (s->left_us) now.left_us = s->left_us;
  return now;
}

void key_seen_clear(struct key_seen **table) {
  struct key_seen *s, *next;
  HASH_ITER(hh, *table, s, next) {
    HASH_DEL(*table, s);
    free(s);
  }
}

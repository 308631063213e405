#include "policy/spf/spf_cache.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX (IP_TEXT + ADDRESS_MAX + 264)

struct entry {
  struct spf_verdict verdict;
  int64_t ends_us;
  UT_hash_handle hh;
  char key[];
};

struct spf_cache {
  size_t max;
  struct entry *entries;
};

struct spf_cache *spf_cache_new(size_t max_entries) {
  struct spf_cache *c = calloc(1, sizeof *c);
  if (c) c->max = max_entries;
  return c;
}

static void drop(struct spf_cache *c, struct entry *e) {
  HASH_DEL(c->entries, e);
  free(e);
}

void spf_cache_free(struct spf_cache **at) {
  struct spf_cache *c = *at;
  *at = NULL;
  if (!c) return;
  struct entry *e, *next;
  HASH_ITER(hh, c->entries, e, next) drop(c, e);
  free(c);
}

/* By domain, or by the whole path when a macro of the record used the local part. The null path is known by its HELO
 * name. Domains have no case (RFC 1035 2.3.3), local parts have (RFC 5321 2.4). */
static void make_key(char key[KEY_MAX], const char *ip, const char *path, const char *helo, bool whole) {
  const char *at = strrchr(path, '@');
  snprintf(key, KEY_MAX, "%s %s%s", ip, *path ? "" : "helo ", !*path ? helo : whole || !at ? path : at);
  char *domain = strrchr(key, at ? '@' : ' ');
  for (; domain && *domain; domain++)
    if (*domain >= 'A' && *domain <= 'Z') *domain = (char)(*domain - 'A' + 'a');
}

static struct entry *find(struct spf_cache *c, const char *key) {
  struct entry *e;
  HASH_FIND_STR(c->entries, key, e);
  return e;
}

const struct spf_verdict *spf_cache_find(struct spf_cache *c, const char *ip, const char *path, const char *helo,
                                         int64_t now_us) {
  char key[KEY_MAX];
  for (int whole = 0; whole < 2; whole++) {
    make_key(key, ip, path, helo, whole);
    struct entry *e = find(c, key);
    if (!e) continue;
    if (e->ends_us > now_us) return &e->verdict;
    drop(c, e);
  }
  return NULL;
}

static void make_room(struct spf_cache *c) {
  struct entry *e, *next, *soonest = NULL;
  HASH_ITER(hh, c->entries, e, next) if (!soonest || e->ends_us < soonest->ends_us) soonest = e;
  if (soonest) drop(c, soonest);
}

void spf_cache_put(struct spf_cache *c, const char *ip, const char *path, const char *helo, const struct spf_verdict *v,
                   int64_t now_us) {
  char key[KEY_MAX];
  struct entry *e;
  make_key(key, ip, path, helo, false);
  if (v->depends_on_local_part) { /* what was true of the whole domain no longer is */
    if ((e = find(c, key))) drop(c, e);
    make_key(key, ip, path, helo, true);
  }
  e = find(c, key);
  if (!e) {
    if (HASH_COUNT(c->entries) >= c->max) make_room(c);
    e = calloc(1, sizeof *e + strlen(key) + 1);
    if (!e) return; /* not remembered: asked again next time */
    strcpy(e->key, key);
    HASH_ADD_STR(c->entries, key, e);
    if (!e->hh.tbl) {
      free(e);
      return;
    }
  }
  e->verdict = *v;
  e->ends_us = now_us + (int64_t)v->ttl * SECOND_US;
}

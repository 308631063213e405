#include "relay/delivery/site/downs.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define WAIT_FALLBACK_US (15 * 60 * SECOND_US) /* only for a configuration without any retries */

struct down {
  unsigned failures;
  UT_hash_handle hh;
  char key[];
};
struct downs {
  struct down *table; /* in the order of their first failure */
};

struct downs *downs_new(void) {
  return calloc(1, sizeof(struct downs));
}

static void drop(struct downs *d, struct down *one) {
  HASH_DEL(d->table, one);
  free(one);
}

void downs_free(struct downs **d) {
  if (!*d) return;
  while ((*d)->table) drop(*d, (*d)->table);
  free(*d);
  *d = NULL;
}

static struct down *find(const struct downs *d, const char *key) {
  struct down *one = NULL;
  HASH_FIND_STR(d->table, key, one);
  return one;
}

static struct down *add(struct downs *d, const char *key) {
  if (HASH_COUNT(d->table) >= DOWNS_MAX) drop(d, d->table);
  size_t len = strlen(key);
  struct down *one = calloc(1, sizeof *one + len + 1);
  if (!one) return NULL;
  memcpy(one->key, key, len);
  HASH_ADD_STR(d->table, key, one);
  if (one->hh.tbl) return one;
  free(one);
  return NULL;
}

static int64_t wait_after(const struct config *c, unsigned failures) {
  size_t at = failures < c->retry_count ? failures : c->retry_count - 1;
  int64_t wait = c->retry_count ? c->retry_us[at] : WAIT_FALLBACK_US;
  return wait < DOWN_MOST_US ? wait : DOWN_MOST_US;
}

int64_t downs_failed(struct downs *d, const char *key, const struct config *c, int64_t now_us) {
  struct down *one = find(d, key);
  if (!one) one = add(d, key);
  if (!one) return 0;
  int64_t at = now_us + wait_after(c, one->failures);
  if (one->failures < c->retry_count) one->failures++;
  return at;
}

bool downs_any(const struct downs *d) {
  return d->table;
}

bool downs_answered(struct downs *d, const char *key) {
  struct down *one = find(d, key);
  if (one) drop(d, one);
  return one;
}

#include "relay/delivery/site/shares.h"

#include <stdlib.h>
#include <string.h>

#define NEW_PART 2    /* 1/2 of all for sites that are not known to answer */
#define SILENT_PART 8 /* 1/8 for those known to be silent */
#define ACCOUNT_PART 3

void shares_init(struct shares *s, size_t most) {
  memset(s, 0, sizeof *s);
  s->most = most;
}

static void drop(struct shares *s, struct share *a) {
  HASH_DEL(s->accounts, a);
  free(a->account);
  free(a);
}

void shares_clear(struct shares *s) {
  while (s->accounts) drop(s, s->accounts);
}

static size_t sum(const size_t counts[SITE_CLASSES]) {
  size_t n = 0;
  for (size_t i = 0; i < SITE_CLASSES; i++) n += counts[i];
  return n;
}

size_t shares_used(const struct shares *s) {
  return sum(s->used);
}

size_t share_held(const struct share *a) {
  return sum(a->held);
}

struct share *shares_of(struct shares *s, const char *account) {
  struct share *a = NULL;
  HASH_FIND_STR(s->accounts, account, a);
  if (a) return a;
  a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->account = strdup(account);
  if (a->account) HASH_ADD_KEYPTR(hh, s->accounts, a->account, strlen(a->account), a);
  if (a->account && a->hh.tbl) return a;
  free(a->account);
  free(a);
  return NULL;
}

void share_tidy(struct shares *s, struct share *a) {
  bool waits = false;
  for (size_t i = 0; i < SITE_CLASSES; i++) waits |= a->waiting[i] != NULL;
  if (!waits && !share_held(a)) drop(s, a);
}

static size_t pool_of(const struct shares *s, enum site_class class) {
  size_t pool = class == SITE_ANSWERS ? s->most : s->most / (class == SITE_NEW ? NEW_PART : SILENT_PART);
  return pool ? pool : 1;
}

bool share_allows(const struct shares *s, const struct share *a, enum site_class class) {
  size_t used = shares_used(s), pool = pool_of(s, class);
  if (used >= s->most || s->used[class] >= pool) return false;
  if (share_held(a) >= ACCOUNT_PART * (s->most - used)) return false;
  return class == SITE_ANSWERS || a->held[class] < pool - s->used[class];
}

void share_take(struct shares *s, struct share *a, enum site_class class) {
  s->used[class]++;
  a->held[class]++;
}

void share_give(struct shares *s, struct share *a, enum site_class class) {
  s->used[class]--;
  a->held[class]--;
  share_tidy(s, a);
}

static bool has_next(const struct shares *s, const struct share *a, enum site_class *class) {
  for (size_t i = 0; i < SITE_CLASSES; i++) {
    *class = (enum site_class)i;
    if (a->waiting[i] && share_allows(s, a, *class)) return true;
  }
  return false;
}

struct share *shares_next(struct shares *s, enum site_class *class) {
  struct share *best = NULL;
  enum site_class of;
  if (!s->waiting || shares_used(s) >= s->most) return NULL;
  for (struct share *a = s->accounts; a; a = a->hh.next) {
    if ((best && best->served <= a->served) || !has_next(s, a, &of)) continue;
    best = a;
    *class = of;
  }
  if (best) best->served = ++s->turns;
  return best;
}

const struct share *shares_largest(const struct shares *s) {
  const struct share *best = NULL;
  for (const struct share *a = s->accounts; a; a = a->hh.next)
    if (!best || share_held(a) > share_held(best)) best = a;
  return best;
}

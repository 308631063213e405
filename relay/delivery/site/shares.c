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

/* Whatever the site is like. */
static bool has_room(const struct shares *s, const struct share *a) {
  size_t used = shares_used(s);
  return used < s->most && share_held(a) < ACCOUNT_PART * (s->most - used);
}

bool share_allows(const struct shares *s, const struct share *a, enum site_class class) {
  size_t pool = pool_of(s, class);
  if (!has_room(s, a) || s->used[class] >= pool) return false;
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

#define ANY_CLASS ((1u << SITE_CLASSES) - 1)

static unsigned wanted_by(const struct shares *s, const struct share *a) {
  unsigned wanted = 0;
  for (size_t i = 0; i < SITE_CLASSES; i++) {
    if (!a->waiting[i] || share_allows(s, a, (enum site_class)i)) continue;
    wanted |= has_room(s, a) ? 1u << i : ANY_CLASS;
  }
  return wanted;
}

unsigned shares_wanted(const struct shares *s) {
  unsigned wanted = 0;
  for (const struct share *a = s->waiting ? s->accounts : NULL; a && wanted != ANY_CLASS; a = a->hh.next)
    wanted |= wanted_by(s, a);
  return wanted;
}

const struct share *shares_largest(const struct shares *s) {
  const struct share *best = NULL;
  for (const struct share *a = s->accounts; a; a = a->hh.next)
    if (!best || share_held(a) > share_held(best)) best = a;
  return best;
}

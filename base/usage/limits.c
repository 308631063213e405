#include "base/usage/limits.h"

#include "base/result.h"

#define DAY_US (86400 * SECOND_US)

uint64_t limit_used(const struct limit *l, const struct usage *u) {
  return l->per_message ? 0 : usage_used(u, l->window)->of[l->unit];
}

static uint64_t asked_of(const struct limit *l, const struct limit_request *r) {
  return l->unit == LIMIT_MESSAGES ? 1 : l->unit == LIMIT_RECIPIENTS ? r->recipients : r->octets;
}

/* --- smoothing: GCRA, without a burst --- */

static int64_t spacing(const struct limit *l) {
  return window_length_us(l->window) / (int64_t)l->count;
}

/* This limit gives none further ahead than behind a day of others: that was a slower one, or a clock that was wrong. */
int64_t limit_slot(const struct limit *l, const struct usage *u, int64_t now_us) {
  bool other = u->smooth_next_us > now_us + DAY_US + spacing(l);
  return u->smooth_next_us > now_us && !other ? u->smooth_next_us : now_us;
}

/* The slowest of those that smooth; NULL: none does. */
static const struct limit *find_smooth(const struct limit *limits, size_t count) {
  const struct limit *found = NULL;
  for (size_t i = 0; i < count; i++)
    if (limits[i].action == LIMIT_SMOOTH && (!found || spacing(&limits[i]) > spacing(found))) found = &limits[i];
  return found;
}

void limits_reserve(const struct limit *limits, size_t count, struct usage *u, int64_t now_us) {
  const struct limit *smooth = find_smooth(limits, count);
  if (smooth) u->smooth_next_us = limit_slot(smooth, u, now_us) + spacing(smooth);
}

/* --- one owner --- */

static bool later(int64_t a, int64_t b) {
  return a == 0 ? b != 0 : b != 0 && a > b;
} /* 0: never resets */

/* When `asked` more fit; when the window ends, if they never do. */
static int64_t next_us(const struct limit *l, const struct usage *u, uint64_t asked, int64_t now_us) {
  if (l->per_message) return 0;
  int64_t at = usage_until(u, l->window, l->unit, asked < l->count ? l->count - asked : 0);
  if (at) return at;
  return window_rolls(l->window) ? now_us + window_length_us(l->window) : u->calendar[l->window - USAGE_ROLLING].end_us;
}

static bool refuses(const struct limit *l, const struct usage *u, int64_t now_us, const struct limit_request *request,
                    struct limit_verdict *out) {
  uint64_t used = limit_used(l, u), asked = asked_of(l, request);
  int64_t resets_us;
  if (l->action == LIMIT_SMOOTH) {
    if (limit_slot(l, u, now_us) <= now_us + DAY_US) return false;
    resets_us = limit_slot(l, u, now_us) - DAY_US;
  } else {
    if (used <= l->count && asked <= l->count - used) return false;
    resets_us = next_us(l, u, asked, now_us);
  }
  *out = (struct limit_verdict){.result = E_LIMIT, .rule = l, .used = used, .asked = asked, .resets_us = resets_us};
  return true;
}

struct limit_verdict limits_check(const struct limit *limits, size_t count, const struct usage *u, int64_t now_us,
                                  const struct limit_request *request) {
  struct limit_verdict v = {.result = OK}, one;
  for (size_t i = 0; i < count; i++)
    if (refuses(&limits[i], u, now_us, request, &one) && (v.result == OK || later(one.resets_us, v.resets_us))) v = one;
  const struct limit *smooth = v.result == OK ? find_smooth(limits, count) : NULL;
  if (!smooth) return v;
  int64_t at = limit_slot(smooth, u, now_us);
  v.rule = smooth;
  v.not_before_us = at > now_us ? at : 0;
  return v;
}

/* --- several --- */

static bool outweighs(const struct limit_verdict *v, const struct limit_verdict *other) {
  if (v->result != other->result) return v->result != OK;
  if (v->result != OK) return later(v->resets_us, other->resets_us);
  return v->rule && (!other->rule || v->not_before_us > other->not_before_us);
}

struct limit_verdict limits_check_scopes(const struct usage_scope *scopes, struct usage *const *usage, size_t count,
                                         int64_t now_us, const struct limit_request *request) {
  struct limit_verdict all = {.result = OK};
  for (size_t i = 0; i < count; i++) {
    struct limit_verdict v = limits_check(scopes[i].limits, scopes[i].limit_count, usage[i], now_us, request);
    v.scope = &scopes[i];
    if (outweighs(&v, &all)) all = v;
  }
  return all;
}

/* --- what is left --- */

void limits_left(const struct limit *limits, size_t count, const struct usage *u, struct limits_left *out) {
  for (size_t i = 0; i < count; i++) {
    const struct limit *l = &limits[i];
    uint64_t used = limit_used(l, u), left = used < l->count ? l->count - used : 0;
    if (l->action == LIMIT_SMOOTH || l->unit == LIMIT_OCTETS) continue;
    uint64_t *lowest = l->unit == LIMIT_MESSAGES ? &out->messages : &out->recipients;
    if (left < *lowest) *lowest = left;
  }
}

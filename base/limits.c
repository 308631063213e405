#include "base/limits.h"

#include "base/result.h"

#define DAY_US (86400 * SECOND_US)
#define SLOT_MOST_US (32 * DAY_US) /* one message a month, after a day of others */

static const int64_t window_seconds[] = {
    [WINDOW_SECOND] = 1, [WINDOW_MINUTE] = 60, [WINDOW_HOUR] = 3600, [WINDOW_DAY] = 86400, [WINDOW_MONTH] = 30 * 86400};

uint64_t limit_used(const struct limit *l, const struct usage *u) {
  if (l->per_message) return 0;
  const struct usage_window *w = &u->window[l->window];
  return l->unit == LIMIT_MESSAGES ? w->messages : l->unit == LIMIT_RECIPIENTS ? w->recipients : w->octets;
}

static uint64_t asked_of(const struct limit *l, const struct limit_request *r) {
  return l->unit == LIMIT_MESSAGES ? 1 : l->unit == LIMIT_RECIPIENTS ? r->recipients : r->octets;
}

/* The next free slot of a smoothed limit. One further ahead than a slot can be was given by a clock that was wrong. */
static int64_t slot(const struct usage *u, int64_t now_us) {
  bool wrong = u->smooth_next_us > now_us + SLOT_MOST_US;
  return u->smooth_next_us > now_us && !wrong ? u->smooth_next_us : now_us;
}

static int64_t spacing(const struct limit *l) {
  return window_seconds[l->window] * SECOND_US / (int64_t)l->count;
}

static bool later(int64_t a, int64_t b) {
  return a == 0 ? b != 0 : b != 0 && a > b;
} /* 0: never resets */

struct limit_verdict limits_check(const struct limit *limits, size_t count, const struct usage *u, int64_t now_us,
                                  const struct limit_request *request) {
  struct limit_verdict v = {.result = OK};
  const struct limit *smooth = NULL;
  for (size_t i = 0; i < count; i++) {
    const struct limit *l = &limits[i];
    uint64_t used = limit_used(l, u), asked = asked_of(l, request);
    int64_t resets = l->per_message ? 0 : window_end(l->window, now_us);
    if (l->action == LIMIT_SMOOTH) {
      if (!smooth || spacing(l) > spacing(smooth)) smooth = l;
      if (slot(u, now_us) <= now_us + DAY_US) continue;
      resets = slot(u, now_us) - DAY_US;
    } else if (used <= l->count && asked <= l->count - used) {
      continue;
    }
    if (v.rule && v.result == E_LIMIT && !later(resets, v.resets_us)) continue;
    v = (struct limit_verdict){.result = E_LIMIT, .rule = l, .used = used, .asked = asked, .resets_us = resets};
  }
  if (v.result != OK || !smooth) return v;
  int64_t at = slot(u, now_us);
  v.rule = smooth;
  v.not_before_us = at > now_us ? at : 0;
  return v;
}

void limits_reserve(const struct limit_verdict *v, struct usage *u, int64_t now_us) {
  if (v->result == OK && v->rule) u->smooth_next_us = slot(u, now_us) + spacing(v->rule);
}

void limits_left(const struct limit *limits, size_t count, const struct usage *u, struct limits_left *out) {
  for (size_t i = 0; i < count; i++) {
    const struct limit *l = &limits[i];
    uint64_t used = limit_used(l, u), left = used < l->count ? l->count - used : 0;
    if (l->action == LIMIT_SMOOTH || l->unit == LIMIT_OCTETS) continue;
    uint64_t *lowest = l->unit == LIMIT_MESSAGES ? &out->messages : &out->recipients;
    if (left < *lowest) *lowest = left;
  }
}

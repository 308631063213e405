#include "policy/limits.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_US (86400 * SECOND_US)

static const int64_t window_seconds[] = {
    [WINDOW_SECOND] = 1, [WINDOW_MINUTE] = 60, [WINDOW_HOUR] = 3600, [WINDOW_DAY] = 86400, [WINDOW_MONTH] = 30 * 86400};

static uint64_t used_of(const struct limit *l, const struct usage *u) {
  if (l->per_message) return 0;
  const struct usage_window *w = &u->window[l->window];
  return l->unit == LIMIT_MESSAGES ? w->messages : l->unit == LIMIT_RECIPIENTS ? w->recipients : w->octets;
}

static uint64_t asked_of(const struct limit *l, uint64_t recipients, uint64_t octets) {
  return l->unit == LIMIT_MESSAGES ? 1 : l->unit == LIMIT_RECIPIENTS ? recipients : octets;
}

/* The next free slot of a smoothed limit. */
static int64_t slot(const struct usage *u, int64_t now_us) {
  return u->smooth_next_us > now_us ? u->smooth_next_us : now_us;
}

static int64_t spacing(const struct limit *l) {
  return window_seconds[l->window] * SECOND_US / (int64_t)l->count;
}

static bool later(int64_t a, int64_t b) {
  return a == 0 ? b != 0 : b != 0 && a > b;
} /* 0: never resets */

struct limit_verdict limits_check(const struct limit *limits, size_t count, struct usage *u, int64_t now_us,
                                  uint64_t recipients, uint64_t octets, bool reserve) {
  struct limit_verdict v = {.result = OK};
  const struct limit *smooth = NULL;
  for (size_t i = 0; i < count; i++) {
    const struct limit *l = &limits[i];
    uint64_t used = used_of(l, u), asked = asked_of(l, recipients, octets);
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
  if (reserve) u->smooth_next_us = at + spacing(smooth);
  return v;
}

void limits_left(const struct limit *limits, size_t count, const struct usage *u, struct limits_left *out) {
  for (size_t i = 0; i < count; i++) {
    const struct limit *l = &limits[i];
    uint64_t used = used_of(l, u), left = used < l->count ? l->count - used : 0;
    if (l->action == LIMIT_SMOOTH || l->unit == LIMIT_OCTETS) continue;
    uint64_t *lowest = l->unit == LIMIT_MESSAGES ? &out->messages : &out->recipients;
    if (left < *lowest) *lowest = left;
  }
}

/* --- wording --- */

/* Octets in the unit that the limit was typed in. Rounded up, so that what is over a limit never looks as if it fitted.
 */
static void quantity(const struct limit *l, uint64_t n, char *out, size_t size) {
  const uint64_t kb = 1024, mb = kb * kb;
  if (l->unit == LIMIT_OCTETS && l->count % mb == 0) {
    uint64_t tenths = n / mb * 10 + (n % mb * 10 + mb - 1) / mb;
    snprintf(out, size, tenths % 10 ? "%" PRIu64 ".%" PRIu64 : "%" PRIu64, tenths / 10, tenths % 10);
    return;
  }
  if (l->unit == LIMIT_OCTETS) n = n / kb + (n % kb != 0);
  snprintf(out, size, "%" PRIu64, n);
}

static const char *unit_name(const struct limit *l) {
  return l->unit == LIMIT_MESSAGES       ? "messages"
         : l->unit == LIMIT_RECIPIENTS   ? "recipients"
         : l->count % (1024 * 1024) == 0 ? "MB"
                                         : "KB";
}

void limit_sentence(const struct limit_verdict *v, const char *account, int64_t now_us, char *out, size_t size) {
  const struct limit *l = v->rule;
  char used[32], asked[32], all[32], when[40], span[40], more[64] = "";
  quantity(l, v->used, used, sizeof used);
  quantity(l, v->asked, asked, sizeof asked);
  quantity(l, l->count, all, sizeof all);
  if (l->per_message) {
    snprintf(out, size, "%s: %s %s in this message, %s allowed", account, asked, unit_name(l), all);
    return;
  }
  clock_format_minute(v->resets_us, when, sizeof when);
  clock_format_span(v->resets_us - now_us, span, sizeof span);
  if (l->action == LIMIT_SMOOTH) {
    snprintf(out, size, "%s: more than a day's mail waits behind the limit %s; room again %s (in %s)", account, l->text,
             when, span);
    return;
  }
  if (v->used < l->count) snprintf(more, sizeof more, " and this message has %s", asked);
  snprintf(out, size, "%s: %s of %s %s %s%s; resets %s (in %s)", account, used, all, unit_name(l),
           window_phrase(l->window), more, when, span);
}

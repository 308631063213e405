#include "base/usage/usage_warning.h"

/* `warned` has two bits for each unit of each window from the hour on: the level of the last warning. */
enum level { LEVEL_NONE, LEVEL_80, LEVEL_95 };
#define UNITS (LIMIT_OCTETS + 1)
#define LEVEL_BITS UINT64_C(3)

static unsigned shift_of(enum window w, enum limit_unit unit) {
  return 2 * ((unsigned)(w - WINDOW_HOUR) * UNITS + (unsigned)unit);
}

static enum level get(const struct usage *u, const struct limit *l) {
  return (enum level)(u->warned >> shift_of(l->window, l->unit) & LEVEL_BITS);
}

static void set(struct usage *u, enum window w, enum limit_unit unit, enum level level) {
  unsigned shift = shift_of(w, unit);
  u->warned = (u->warned & ~(LEVEL_BITS << shift)) | (uint64_t)level << shift;
}

void usage_warning_rearm(struct usage *u, enum window w) {
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++) set(u, w, (enum limit_unit)unit, LEVEL_NONE);
}

static bool may_warn(const struct limit *l) {
  return !l->per_message && l->action != LIMIT_SMOOTH && l->window >= WINDOW_HOUR;
}

static bool is_lowest(const struct limit *limits, size_t count, size_t at) {
  const struct limit *l = &limits[at];
  for (size_t i = 0; i < count; i++) {
    const struct limit *other = &limits[i];
    if (i == at || !may_warn(other) || other->window != l->window || other->unit != l->unit) continue;
    if (other->count < l->count || (other->count == l->count && i < at)) return false;
  }
  return true;
}

static enum level level_of(const struct limit *l, uint64_t used) {
  return used >= l->count - l->count / 20 ? LEVEL_95 : used >= l->count - l->count / 5 ? LEVEL_80 : LEVEL_NONE;
}

/* An hour that rolls has no end, so what was said of it holds for an hour. */
static void begin_hour(struct usage *u, int64_t now_us) {
  int64_t since_us = now_us - u->hour_warned_us;
  if (since_us >= 0 && since_us < window_length_us(WINDOW_HOUR)) return;
  usage_warning_rearm(u, WINDOW_HOUR);
  u->hour_warned_us = now_us;
}

static bool is_due(struct usage *u, const struct limit *l, enum level level, int64_t now_us) {
  if (level && l->window == WINDOW_HOUR) begin_hour(u, now_us);
  if (level > get(u, l)) return true;
  if (l->window != WINDOW_HOUR) set(u, l->window, l->unit, level); /* less than before: the limit was raised */
  return false;
}

size_t usage_warn(struct usage *u, const struct limit *limits, size_t count, int64_t now_us, struct usage_warning *out,
                  size_t max) {
  size_t n = 0;
  for (size_t i = 0; i < count && n < max; i++) {
    const struct limit *l = &limits[i];
    if (!may_warn(l) || !is_lowest(limits, count, i)) continue;
    uint64_t used = usage_used(u, l->window)->of[l->unit];
    enum level level = level_of(l, used);
    if (!is_due(u, l, level, now_us)) continue;
    set(u, l->window, l->unit, level);
    out[n++] = (struct usage_warning){.limit = l,
                                      .percent = level == LEVEL_95 ? 95 : 80,
                                      .used = used,
                                      .free_us = usage_until(u, l->window, l->unit, 0)};
  }
  return n;
}

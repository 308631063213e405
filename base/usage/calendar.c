#include "base/usage/calendar.h"

static void find_bounds(enum window w, int64_t us, const struct time_zone *zone, int64_t *start_us, int64_t *end_us) {
  if (w == WINDOW_DAY)
    time_zone_day(zone, us, start_us, end_us);
  else
    time_zone_month(zone, us, start_us, end_us);
}

bool calendar_roll(struct calendar_window *c, enum window w, int64_t now_us, const struct time_zone *zone,
                   bool zone_changed) {
  int64_t start_us, end_us, ahead_us = c->start_us - now_us;
  bool within = now_us < c->end_us && ahead_us < CLOCK_JUMP_US;
  if (within && !zone_changed) return false;
  find_bounds(w, within && ahead_us > 0 ? c->start_us : now_us, zone, &start_us, &end_us);
  bool kept = within || (ahead_us > 0 && c->start_us <= end_us);
  if (!kept) c->used = (struct tally){0};
  if (!within) c->start_us = start_us;
  c->end_us = end_us;
  return !kept;
}

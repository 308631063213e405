#include "base/usage/usage.h"

#include "base/usage/usage_warning.h"

#include <string.h>

int64_t window_length_us(enum window w) {
  static const int64_t seconds[] = {[WINDOW_SECOND] = 1,
                                    [WINDOW_MINUTE] = 60,
                                    [WINDOW_HOUR] = 3600,
                                    [WINDOW_DAY] = 86400,
                                    [WINDOW_MONTH] = 30 * 86400};
  return seconds[w] * SECOND_US;
}

/* How far ahead the clock was that counted last, as far as that can be told. No window of a second is left ahead, and
 * no day that is more than a jump ahead, so that it is told once. */
static int64_t ahead_us(const struct usage *u, int64_t now_us) {
  int64_t counted_us = rolling_ahead(&u->rolling[WINDOW_SECOND], window_length_us(WINDOW_SECOND), now_us);
  int64_t day_us = u->calendar[0].start_us - now_us, ahead = counted_us > day_us ? counted_us : day_us;
  return ahead >= CLOCK_JUMP_US ? ahead : 0;
}

void usage_roll(struct usage *u, int64_t now_us, const struct time_zone *zone) {
  bool changed = u->zone != time_zone_id(zone);
  u->smooth_next_us -= ahead_us(u, now_us); /* as the messages before do that wait for their slots */
  u->zone = time_zone_id(zone);
  for (enum window w = 0; w < USAGE_ROLLING; w++) rolling_roll(&u->rolling[w], window_length_us(w), now_us);
  for (enum window w = USAGE_ROLLING; w < WINDOW_COUNT; w++)
    if (calendar_roll(&u->calendar[w - USAGE_ROLLING], w, now_us, zone, changed)) usage_warning_rearm(u, w);
}

void usage_add(struct usage *u, int64_t now_us, const struct time_zone *zone, uint64_t recipients, uint64_t octets) {
  struct tally more = {.messages = 1, .recipients = recipients, .octets = octets};
  usage_roll(u, now_us, zone);
  for (enum window w = 0; w < USAGE_ROLLING; w++) rolling_add(&u->rolling[w], window_length_us(w), now_us, &more);
  for (int i = 0; i < USAGE_CALENDAR; i++) tally_add(&u->calendar[i].used, &more);
  tally_add(&u->total, &more);
}

const struct tally *usage_used(const struct usage *u, enum window w) {
  return window_rolls(w) ? &u->rolling[w].total : &u->calendar[w - USAGE_ROLLING].used;
}

int64_t usage_until(const struct usage *u, enum window w, enum limit_unit unit, uint64_t keep) {
  if (window_rolls(w)) return rolling_until(&u->rolling[w], window_length_us(w), unit, keep);
  const struct calendar_window *c = &u->calendar[w - USAGE_ROLLING];
  return c->used.of[unit] > keep ? c->end_us : 0;
}

/* --- packed --- */

#define HEAD offsetof(struct usage, rolling)

static size_t packed_size(uint64_t count) {
  return offsetof(struct rolling, slot) + (size_t)count * sizeof(struct rolling_slot);
}

size_t usage_pack(const struct usage *u, unsigned char out[USAGE_PACKED_MAX]) {
  size_t at = HEAD;
  memcpy(out, u, HEAD);
  for (enum window w = 0; w < USAGE_ROLLING; w++) {
    size_t size = packed_size(u->rolling[w].count);
    memcpy(out + at, &u->rolling[w], size);
    at += size;
  }
  return at;
}

void usage_unpack(const unsigned char *packed, struct usage *out) {
  size_t at = HEAD;
  memcpy(out, packed, HEAD);
  for (enum window w = 0; w < USAGE_ROLLING; w++) {
    struct rolling *r = &out->rolling[w];
    memcpy(r, packed + at, offsetof(struct rolling, slot));
    memcpy(r->slot, packed + at + offsetof(struct rolling, slot), (size_t)r->count * sizeof *r->slot);
    at += packed_size(r->count);
  }
}

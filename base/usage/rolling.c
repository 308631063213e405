#include "base/usage/rolling.h"

#include <string.h>

static int64_t slot_at(int64_t length_us, int64_t us) {
  int64_t slot_us = length_us / ROLLING_SLOTS;
  return us / slot_us - (us % slot_us < 0);
}

static int64_t newest(const struct rolling *r, int64_t running) {
  int64_t last = r->count ? r->slot[r->count - 1].number : running;
  return last > running ? last : running;
}

/* The clock was set back by more than the window: what it counted before counts from now on. */
static void bring_back(struct rolling *r, int64_t running) {
  int64_t ahead = r->count ? r->slot[r->count - 1].number - running : 0;
  if (ahead <= ROLLING_SLOTS) return;
  for (uint64_t i = 0; i < r->count; i++) r->slot[i].number -= ahead;
}

static void drop_first(struct rolling *r, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) tally_take(&r->total, &r->slot[i].used);
  r->count -= n;
  memmove(r->slot, r->slot + n, (size_t)r->count * sizeof *r->slot);
}

void rolling_roll(struct rolling *r, int64_t length_us, int64_t now_us) {
  int64_t running = slot_at(length_us, now_us);
  uint64_t old = 0;
  bring_back(r, running);
  while (old < r->count && r->slot[old].number < newest(r, running) - ROLLING_SLOTS) old++;
  if (old) drop_first(r, old);
}

void rolling_add(struct rolling *r, int64_t length_us, int64_t now_us, const struct tally *more) {
  rolling_roll(r, length_us, now_us);
  int64_t number = newest(r, slot_at(length_us, now_us));
  struct rolling_slot *last = r->count ? &r->slot[r->count - 1] : NULL;
  if (!last || last->number != number) {
    last = &r->slot[r->count++]; /* there is room: 21 numbers are in the window */
    *last = (struct rolling_slot){.number = number};
  }
  tally_add(&last->used, more);
  tally_add(&r->total, more);
}

int64_t rolling_until(const struct rolling *r, int64_t length_us, enum limit_unit unit, uint64_t keep) {
  uint64_t left = r->total.of[unit];
  int64_t at_us = 0;
  for (uint64_t i = 0; i < r->count && left > keep; i++) {
    left -= r->slot[i].used.of[unit];
    at_us = (r->slot[i].number + ROLLING_SLOTS + 1) * (length_us / ROLLING_SLOTS);
  }
  return at_us;
}

int64_t rolling_ahead(const struct rolling *r, int64_t length_us, int64_t now_us) {
  int64_t last_us = r->count ? r->slot[r->count - 1].number * (length_us / ROLLING_SLOTS) : now_us;
  return last_us > now_us ? last_us - now_us : 0;
}

int rolling_put(struct rolling *r, const struct rolling_slot *slot) {
  bool fits = r->count <= ROLLING_SLOTS && (!r->count || slot->number > r->slot[r->count - 1].number);
  if (!fits) return E_SYNTAX;
  r->slot[r->count++] = *slot;
  tally_add(&r->total, &slot->used);
  return OK;
}

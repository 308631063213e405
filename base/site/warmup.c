#include "base/site/warmup.h"

#include "base/clock.h"

#define HOUR_US (3600 * SECOND_US)
#define DAY_US (24 * HOUR_US)
#define HOURS 24
#define CATCH_UP 8 /* an hour has at most that part of the day's amount */
#define TURNED_AWAY_US (60 * SECOND_US)
#define STEP_BACK 10       /* times the ratio */
#define PLACES_DAYS_MAX 60 /* so far ahead are places promised */

/* --- hours --- */

static uint32_t least_of(uint32_t a, uint32_t b) {
  return a < b ? a : b;
}

static uint32_t most_of(uint32_t a, uint32_t b) {
  return a > b ? a : b;
}

/* What an amount has released by the end of that hour: never more at once than an even share, but for small ones. */
static uint32_t released(uint32_t amount, unsigned hour) {
  uint32_t even = (uint32_t)(((uint64_t)amount * (hour + 1) + HOURS - 1) / HOURS);
  return least_of(amount, most_of(even, WARMUP_AT_ONCE));
}

static uint32_t most_of_hour(uint32_t amount) {
  return most_of(amount / CATCH_UP, WARMUP_AT_ONCE);
}

static uint32_t amount_of(const struct warmup *w, const struct warmup_course *c) {
  return warmup_course_amount(c, w->step ? w->step : 1);
}

bool warmup_is_warm(const struct warmup *w, const struct warmup_course *c) {
  return w->step > c->day_count;
}

static uint32_t left_of(uint32_t most, uint32_t used) {
  return most > used ? most - used : 0;
}

uint32_t warmup_room(const struct warmup *w, const struct warmup_course *c) {
  uint32_t amount = amount_of(w, c);
  if (warmup_is_warm(w, c)) return UINT32_MAX;
  return least_of(left_of(released(amount, w->hour), w->used + w->out),
                  left_of(most_of_hour(amount), w->used_hour + w->out));
}

/* --- how the provider takes it --- */

static uint64_t sum(const uint32_t of[2]) {
  return (uint64_t)of[0] + of[1];
}

unsigned warmup_ratio(const struct warmup *w) {
  uint64_t all = sum(w->attempts);
  return all ? (unsigned)(sum(w->against) * 10000 / all) : 0;
}

static bool exceeds(const struct warmup *w, uint64_t ratio) {
  uint64_t against = sum(w->against);
  return against >= WARMUP_SAMPLE && against * 10000 > ratio * sum(w->attempts);
}

/* --- days --- */

static bool used_enough(const struct warmup *w, uint32_t amount) {
  uint64_t used = w->used;
  return used * 2 >= amount || (w->short_of && used * 4 >= amount);
}

static unsigned next_step(struct warmup *w, const struct warmup_course *c) {
  if (warmup_is_warm(w, c)) return 0;
  if (!w->held) {
    if (!used_enough(w, amount_of(w, c))) return 0;
    w->step++;
    return warmup_is_warm(w, c) ? WARMUP_ENDED : WARMUP_GREW;
  }
  if (!exceeds(w, (uint64_t)STEP_BACK * c->hold_above) || w->step <= 1) return 0;
  w->step--;
  return WARMUP_SHRANK;
}

/* Today's counts become those of the day before, or of none when that is longer ago. */
static void turn_page(struct warmup *w, int64_t today) {
  bool next = today == w->day + 1;
  w->attempts[1] = next ? w->attempts[0] : 0;
  w->against[1] = next ? w->against[0] : 0;
  w->attempts[0] = w->against[0] = 0;
  w->used = w->used_hour = 0;
  w->short_of = false;
  w->day = today;
}

static unsigned resume(struct warmup *w, const struct warmup_course *c) {
  if (!w->held || (exceeds(w, c->hold_above) && !warmup_is_warm(w, c))) return 0;
  w->held = false;
  return WARMUP_RESUMED;
}

/* The places of an hour that nobody came for: who had them promised has gone another way. */
static void end_hour(struct warmup *w, const struct warmup_course *c, unsigned hour) {
  if (warmup_room(w, c) > 0) w->booked = 0;
  w->used_hour = 0;
  w->hour = hour;
}

static unsigned end_day(struct warmup *w, const struct warmup_course *c, int64_t today) {
  uint32_t amount = amount_of(w, c);
  unsigned changes = next_step(w, c);
  w->booked = left_of(w->booked, amount);
  turn_page(w, today);
  return changes | resume(w, c);
}

static unsigned begin_again(struct warmup *w) {
  *w = (struct warmup){.out = w->out, .day = w->day, .hour = w->hour};
  return WARMUP_FORGOTTEN;
}

unsigned warmup_roll(struct warmup *w, const struct warmup_course *c, int64_t now_us) {
  int64_t today = now_us / DAY_US;
  unsigned hour = (unsigned)(now_us % DAY_US / HOUR_US), changes = 0;
  if (w->step && today - w->used_on >= WARMUP_IDLE_DAYS) changes |= begin_again(w);
  if (!w->step || today < w->day) w->day = today; /* the clock was set back: what was used today stays used */
  if (today != w->day || hour != w->hour) end_hour(w, c, hour);
  return today != w->day ? changes | end_day(w, c, today) : changes;
}

/* --- what leaves, and comes back --- */

unsigned warmup_take(struct warmup *w, uint32_t count) {
  w->out += count;
  if (w->step) return 0;
  w->step = 1;
  w->used_on = w->day;
  return WARMUP_BEGAN;
}

static void count_turned_away(struct warmup *w, int64_t now_us) {
  int64_t since = now_us - w->turned_away_us;
  if (since >= 0 && since < TURNED_AWAY_US) return;
  w->turned_away_us = now_us;
  w->attempts[0]++;
  w->against[0]++;
}

unsigned warmup_give_back(struct warmup *w, const struct warmup_course *c, uint32_t count,
                          const struct warmup_tally *came, int64_t now_us) {
  w->out = left_of(w->out, count);
  w->used += came->used;
  w->used_hour += came->used;
  w->attempts[0] += came->attempts;
  w->against[0] += came->against;
  if (came->used) w->used_on = w->day;
  if (came->turned_away) count_turned_away(w, now_us);
  if (w->held || warmup_is_warm(w, c) || !exceeds(w, c->hold_above)) return 0;
  w->held = true;
  return WARMUP_HELD;
}

void warmup_missed(struct warmup *w) {
  w->short_of = true;
}

/* --- places --- */

/* The first hour of a day, from `hour` on, by which `place` of its amount is released; HOURS: none. `used` of it are
 * gone when that hour begins, which no hour before makes up for. */
static unsigned hour_of(uint32_t amount, uint32_t used, unsigned hour, uint64_t place) {
  uint64_t by = used;
  for (; hour < HOURS; hour++) {
    by += most_of_hour(amount);
    if (place <= least_of(released(amount, hour), by > UINT32_MAX ? UINT32_MAX : (uint32_t)by)) return hour;
  }
  return HOURS;
}

static int64_t moment_of(int64_t day, unsigned hour) {
  return day * DAY_US + hour * HOUR_US;
}

/* As if each day were used up, and the plan went on. */
static int64_t place_later(const struct warmup *w, const struct warmup_course *c, uint64_t place) {
  unsigned step = w->step ? w->step : 1;
  for (int64_t ahead = 1; ahead < PLACES_DAYS_MAX; ahead++) {
    if (!w->held) step++;
    uint32_t amount = warmup_course_amount(c, step);
    unsigned hour = hour_of(amount, 0, 0, place);
    if (hour < HOURS) return moment_of(w->day + ahead, hour);
    place -= amount;
  }
  return moment_of(w->day + PLACES_DAYS_MAX, 0);
}

int64_t warmup_put_off(struct warmup *w, const struct warmup_course *c, uint32_t count, int64_t now_us) {
  uint32_t amount = amount_of(w, c), used = w->used + w->out;
  w->short_of = true;
  w->booked = most_of(w->booked, used) + count;
  unsigned hour = hour_of(amount, used, w->hour + 1, w->booked);
  int64_t at = hour < HOURS ? moment_of(w->day, hour) : place_later(w, c, left_of(w->booked, amount));
  return at > now_us ? at : now_us + HOUR_US;
}

/* Random operations against a model that keeps every message: what limits let in, what windows count, and when they say
 * that there is room again. The clock goes on, jumps ahead, and is set back; the owner's time zone changes; usage is
 * written and read back, as a restart does. The seeds are fixed. */
#include "base/usage/limits.h"

#include "tests/unit/limit_samples.h"

#define MESSAGES_MAX 4000
#define STEPS 4000
#define SEEDS 6

struct message {
  int64_t at_us;   /* by a clock that is never set back */
  int64_t told_us; /* by the one that is */
  struct tally tally;
};

struct model {
  struct message all[MESSAGES_MAX];
  size_t count;
  int64_t now_us, behind_us;      /* how far the clock was set back, all in all */
  int64_t day_us[2], month_us[2]; /* the running windows: start and end, by the clock */
  struct tally day, month;
  const struct time_zone *zone;
};

static int64_t clock_of(const struct model *m) {
  return m->now_us - m->behind_us;
}

/* In the last `span_us`, up to now. */
static uint64_t sum(const struct model *m, int64_t span_us, enum limit_unit unit) {
  uint64_t n = 0;
  for (size_t i = m->count; i-- && m->all[i].at_us > m->now_us - span_us;) n += m->all[i].tally.of[unit];
  return n;
}

static void roll_model(struct model *m) {
  int64_t now = clock_of(m);
  if (now >= m->day_us[1]) {
    time_zone_day(m->zone, now, &m->day_us[0], &m->day_us[1]);
    m->day = (struct tally){.messages = 0};
  }
  if (now >= m->month_us[1]) {
    time_zone_month(m->zone, now, &m->month_us[0], &m->month_us[1]);
    m->month = (struct tally){.messages = 0};
  }
}

static void change_zone(struct model *m, const struct time_zone *zone) {
  int64_t start, now = clock_of(m);
  roll_model(m);
  m->zone = zone;
  time_zone_day(zone, now > m->day_us[0] ? now : m->day_us[0], &start, &m->day_us[1]);
  time_zone_month(zone, now > m->month_us[0] ? now : m->month_us[0], &start, &m->month_us[1]);
}

static void restart(struct usage *u) {
  unsigned char packed[USAGE_PACKED_MAX];
  usage_pack(u, packed);
  memset(u, 0x5a, sizeof *u);
  usage_unpack(packed, u);
}

/* Exact for the calendar; a window that rolls has all of its length in it, and no more than a slot beyond, unless the
 * clock was set back: then more, never less. */
static void check_counts(const struct model *m, const struct usage *u) {
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++) {
    for (enum window w = 0; w < USAGE_ROLLING; w++) {
      int64_t length = window_length_us(w);
      uint64_t counted = usage_used(u, w)->of[unit];
      if (counted < sum(m, length, unit)) fail_msg("%s has lost something", window_name(w));
      if (!m->behind_us && counted > sum(m, length + length / ROLLING_SLOTS, unit))
        fail_msg("%s keeps too much", window_name(w));
    }
    assert_int_equal(usage_used(u, WINDOW_DAY)->of[unit], m->day.of[unit]);
    assert_int_equal(usage_used(u, WINDOW_MONTH)->of[unit], m->month.of[unit]);
  }
}

/* What the limit says must be so a moment before it resets, and no longer then. */
static void check_reset(const struct limit_verdict *v, const struct usage *u, const struct model *m,
                        const struct limit_request *request) {
  if (v->rule->per_message || v->asked > v->rule->count) return;
  struct usage later = *u;
  usage_roll(&later, v->resets_us - 1, m->zone);
  assert_int_equal(limits_check(v->rule, 1, &later, v->resets_us - 1, request).result, E_LIMIT);
  usage_roll(&later, v->resets_us, m->zone);
  assert_int_equal(limits_check(v->rule, 1, &later, v->resets_us, request).result, OK);
}

static void submit(struct model *m, struct usage *u, const struct limit *limits, size_t count, uint64_t *seed) {
  struct tally t = {.messages = 1, .recipients = 1 + next_number(seed) % 4, .octets = 1 + next_number(seed) % 5000};
  struct limit_request request = {t.recipients, t.octets};
  int64_t now = clock_of(m);
  usage_roll(u, now, m->zone);
  roll_model(m);
  check_counts(m, u);
  struct limit_verdict v = limits_check(limits, count, u, now, &request);
  if (v.result != OK) {
    assert_true(v.used + v.asked > v.rule->count);
    check_reset(&v, u, m, &request);
    return;
  }
  usage_add(u, now, m->zone, t.recipients, t.octets);
  assert_true(m->count < MESSAGES_MAX);
  m->all[m->count++] = (struct message){m->now_us, now, t};
  tally_add(&m->day, &t);
  tally_add(&m->month, &t);
  for (size_t i = 0; i < count; i++) {
    const struct limit *l = &limits[i];
    if (!l->per_message && window_rolls(l->window) && sum(m, window_length_us(l->window), l->unit) > l->count)
      fail_msg("more than %s in such a span", l->text);
  }
}

/* Mostly a little; now and then to the edge of a window, and over a month's end. */
static void go_on(struct model *m, struct usage *u, uint64_t *seed) {
  uint32_t kind = next_number(seed) % 100;
  int64_t r = next_number(seed), day, month;
  usage_roll(u, clock_of(m), m->zone);
  roll_model(m);
  day = m->day_us[1] - clock_of(m);
  month = m->month_us[1] - clock_of(m);
  m->now_us += kind < 50   ? r % (SECOND_US / 4)
               : kind < 75 ? r % (20 * SECOND_US)
               : kind < 90 ? r % (600 * SECOND_US)
               : kind < 94 ? SECOND_US - clock_of(m) % SECOND_US - (r & 1)
               : kind < 97 ? day - (r & 1)
               : kind < 98 ? month - (r & 1)
                           : r % 4 * 3600 * SECOND_US;
}

static void run(uint64_t seed, const char *const *texts, bool steps_back) {
  static const char *const begins[] = {"2024-02-28 22:00", "2026-03-28 12:00", "2026-10-24 12:00", "2026-12-31 10:00"};
  static const char *const zones[] = {"UTC", "Europe/Berlin", "America/Sao_Paulo", "Pacific/Kiritimati",
                                      "Asia/Kathmandu"};
  struct limit limits[RULES_MAX];
  size_t count = parse(texts, limits);
  struct model *m = calloc(1, sizeof *m);
  struct usage u = {0};
  assert_non_null(m);
  m->now_us = moment(begins[seed % COUNT_OF(begins)]);
  for (int i = 0; i < STEPS && m->count < MESSAGES_MAX; i++) {
    uint32_t what = next_number(&seed) % 200;
    const struct time_zone *z;
    if (what == 0) {
      assert_int_equal(time_zone_find(zones[next_number(&seed) % COUNT_OF(zones)], &z), OK);
      usage_roll(&u, clock_of(m), m->zone);
      change_zone(m, z);
    } else if (what < 4) {
      restart(&u);
    } else if (what < 7 && steps_back) {
      m->behind_us += next_number(&seed) % (2 * SECOND_US);
    } else if (what < 90) {
      go_on(m, &u, &seed);
    } else {
      submit(m, &u, limits, count, &seed);
    }
  }
  assert_true(m->count > 200);
  assert_int_equal(u.total.messages, m->count);
  free(m);
}

static const char *const sets[][RULES_MAX] = {
    {"2/second", "20/minute", "100/hour", "700/day"},
    {"3rcpt/second", "50rcpt/minute", "300rcpt/hour", "2000rcpt/month"},
    {"9KB/second", "100KB/minute:defer", "2MB/hour", "4MB/day"},
    {"1/second", "5/minute", NULL},
    {"3rcpt/message", "60/hour", "400KB/hour", "9000rcpt/month"},
};

static void the_clock_goes_on(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(sets); i++)
    for (uint64_t seed = 1; seed <= SEEDS; seed++) run(seed, sets[i], false);
}

/* What has left a second by a clock that was set back by more stays counted: nothing leaves too early. */
static void the_clock_is_set_back(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(sets); i++)
    for (uint64_t seed = 11; seed <= 10 + SEEDS; seed++) run(seed, sets[i], true);
}

/* After a step of any size, up or down, no window keeps for longer than its own length what was counted before. */
static void nothing_lasts(void **state) {
  (void)state;
  uint64_t seed = 5;
  for (int i = 0; i < 3000; i++) {
    struct usage u = {0};
    int64_t then = moment("2026-03-01 12:00") + next_number(&seed) % 3000 * 3600 * SECOND_US;
    int64_t unit = (const int64_t[]){1000, SECOND_US, 60 * SECOND_US, 3600 * SECOND_US, 86400 * SECOND_US}[i % 5];
    int64_t now = then + ((int64_t)(next_number(&seed) % 400) - 200) * unit;
    usage_add(&u, then, NULL, 1, 1);
    usage_roll(&u, now, NULL);
    for (enum window w = 0; w < USAGE_ROLLING; w++) {
      struct usage later = u;
      int64_t end = now + 2 * window_length_us(w) + 2 * window_length_us(w) / ROLLING_SLOTS;
      usage_roll(&later, end, NULL);
      assert_int_equal(usage_used(&later, w)->messages, 0);
    }
    for (enum window w = USAGE_ROLLING; w < WINDOW_COUNT; w++) {
      struct usage later = u;
      int64_t end = window_end(w, now + CLOCK_JUMP_US);
      usage_roll(&later, end, NULL);
      assert_int_equal(usage_used(&later, w)->messages, 0);
    }
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_clock_goes_on),
      cmocka_unit_test(the_clock_is_set_back),
      cmocka_unit_test(nothing_lasts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

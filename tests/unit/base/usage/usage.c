/* What is counted where, when it leaves, and what warnings are given. */
#include "base/usage/usage.h"

#include "base/usage/usage_warning.h"
#include "tests/unit/limit_samples.h"

static uint64_t messages(const struct usage *u, enum window w) {
  return usage_used(u, w)->messages;
}

static void test_counted(void **state) {
  (void)state;
  struct usage u = {0};
  usage_add(&u, moment("2026-11-30 23:59:58"), NULL, 3, 1000);
  usage_add(&u, moment("2026-11-30 23:59:58"), NULL, 1, 500);
  assert_int_equal(messages(&u, WINDOW_SECOND), 2);
  assert_int_equal(usage_used(&u, WINDOW_MONTH)->recipients, 4);
  assert_int_equal(usage_used(&u, WINDOW_DAY)->octets, 1500);
  usage_roll(&u, moment("2026-11-30 23:59:59"), NULL);
  assert_int_equal(messages(&u, WINDOW_SECOND), 2); /* the oldest slot counts in full */
  usage_roll(&u, moment("2026-11-30 23:59:59.050"), NULL);
  assert_int_equal(messages(&u, WINDOW_SECOND), 0);
  usage_add(&u, moment("2026-12-01"), NULL, 1, 1);
  static const uint64_t wanted[] = {1, 3, 3, 1, 1};
  for (enum window w = 0; w < WINDOW_COUNT; w++) assert_int_equal(messages(&u, w), wanted[w]);
  assert_int_equal(u.total.messages, 3);
  assert_int_equal(u.total.recipients, 5);
  assert_int_equal(u.total.octets, 1501);
  usage_roll(&u, moment("2027-12-01"), NULL); /* the same day a year later is another window */
  for (enum window w = 0; w < WINDOW_COUNT; w++) assert_int_equal(messages(&u, w), 0);
  assert_int_equal(u.total.messages, 3);
}

/* Another thread's "now" from just before midnight must not zero the new day, nor a wrong clock's count last. */
static void test_clock_back(void **state) {
  (void)state;
  static const struct {
    const char *then, *now;
    uint64_t left[WINDOW_COUNT];
    const char *month_ends;
  } samples[] = {
      {"2026-12-01 00:00:00", "2026-11-30 23:59:59.999", {6, 6, 6, 6, 6}, "2027-01-01"},
      {"2026-12-01 00:00:00", "2026-11-30 23:56", {6, 6, 6, 6, 6}, "2027-01-01"},
      {"2026-12-01 00:00:00", "2026-11-30 23:30", {6, 6, 6, 6, 6}, "2026-12-01"}, /* now the month before */
      {"2026-12-01 00:00:00", "2026-11-30 12:00", {6, 6, 6, 6, 6}, "2026-12-01"},
      {"2026-12-01 00:00:00", "2026-10-31 12:00", {6, 6, 6, 0, 0}, "2026-11-01"},
      {"2026-12-15 12:00", "2026-12-14 12:00", {6, 6, 6, 6, 6}, "2027-01-01"},
      {"2026-12-15 12:00", "2026-12-13 12:00", {6, 6, 6, 0, 6}, "2027-01-01"},
      {"2036-12-15 12:00", "2026-12-15 12:00", {6, 6, 6, 0, 0}, "2027-01-01"},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct usage u = {0};
    for (int n = 0; n < 6; n++) usage_add(&u, moment(samples[i].then), NULL, 1, 1);
    usage_roll(&u, moment(samples[i].now), NULL);
    for (enum window w = 0; w < WINDOW_COUNT; w++)
      if (messages(&u, w) != samples[i].left[w]) fail_msg("sample %zu: %s", i, window_name(w));
    int64_t later = moment(samples[i].now) + 2 * 63 * 60 * SECOND_US; /* an hour ahead, then an hour and a slot */
    assert_true(u.calendar[1].end_us == moment(samples[i].month_ends));
    usage_roll(&u, later, NULL);
    for (enum window w = 0; w < USAGE_ROLLING; w++) assert_int_equal(messages(&u, w), 0);
  }
}

/* A running window keeps its count, and ends where the new zone's ends. */
static void test_zone_changes(void **state) {
  (void)state;
  const struct time_zone *tokyo, *honolulu;
  struct usage u = {0};
  assert_int_equal(time_zone_find("Asia/Tokyo", &tokyo), OK);
  assert_int_equal(time_zone_find("Pacific/Honolulu", &honolulu), OK);
  usage_add(&u, moment("2026-11-30 14:00"), tokyo, 1, 1); /* 23:00 there */
  assert_true(u.calendar[0].end_us == moment("2026-11-30 15:00"));
  usage_add(&u, moment("2026-11-30 14:30"), honolulu, 1, 1); /* 04:30 there */
  assert_true(u.calendar[0].end_us == moment("2026-12-01 10:00") && messages(&u, WINDOW_DAY) == 2);
  assert_true(u.calendar[1].end_us == moment("2026-12-01 10:00") && messages(&u, WINDOW_MONTH) == 2);
  usage_add(&u, moment("2026-12-01 09:59"), honolulu, 1, 1);
  assert_int_equal(messages(&u, WINDOW_DAY), 3);
  usage_add(&u, moment("2026-12-01 09:59:30"), NULL, 1, 1); /* UTC: a day that began at 00:00, but it runs */
  assert_true(u.calendar[0].end_us == moment("2026-12-02") && messages(&u, WINDOW_DAY) == 4);
  usage_roll(&u, moment("2026-12-02"), NULL);
  assert_int_equal(messages(&u, WINDOW_DAY), 0);
}

static void test_packed(void **state) {
  (void)state;
  struct usage u = {0}, out;
  unsigned char packed[USAGE_PACKED_MAX];
  int64_t now = moment("2026-11-30 12:00");
  for (int i = 0; i < 60; i++) {
    size_t size = usage_pack(&u, packed);
    memset(&out, 0xff, sizeof out);
    usage_unpack(packed, &out);
    assert_true(size <= sizeof u && (i || size < sizeof u / 4));
    for (enum window w = 0; w < WINDOW_COUNT; w++)
      assert_memory_equal(usage_used(&out, w), usage_used(&u, w), sizeof(struct tally));
    for (int w = 0; w < USAGE_ROLLING; w++)
      assert_memory_equal(out.rolling[w].slot, u.rolling[w].slot, u.rolling[w].count * sizeof u.rolling[w].slot[0]);
    assert_memory_equal(&out, &u, offsetof(struct usage, rolling));
    usage_add(&u, now += SECOND_US * i / 7, NULL, 2, 3);
  }
}

/* What waits for its slot moves with the clock; so do the slots that follow. */
static void test_slots_move_with_the_clock(void **state) {
  (void)state;
  static const int64_t ahead[] = {3600 * SECOND_US, 20 * 86400 * SECOND_US, 4000 * 86400 * SECOND_US};
  static const int64_t later[] = {0, 600 * SECOND_US}; /* since it counted, before it was set right */
  int64_t now = moment("2026-11-22 20:48");
  for (size_t i = 0; i < COUNT_OF(ahead); i++) {
    for (size_t k = 0; k < COUNT_OF(later); k++) {
      struct usage u = {0};
      usage_add(&u, now - 60 * SECOND_US, NULL, 1, 1);
      usage_add(&u, now + ahead[i], NULL, 1, 1);
      u.smooth_next_us = now + ahead[i] + 100 * SECOND_US;
      usage_roll(&u, now + ahead[i] + later[k], NULL);
      for (int again = 0; again < 3; again++) usage_roll(&u, now + again, NULL);
      /* Of what was counted long before, no more than the day is known. */
      int64_t most = later[k] ? 86400 : 100;
      assert_true(u.smooth_next_us >= now + 100 * SECOND_US - SECOND_US);
      assert_true(ahead[i] < 86400 * SECOND_US || u.smooth_next_us <= now + (most + 100) * SECOND_US);
    }
  }
  struct usage u = {.smooth_next_us = now + 3600 * SECOND_US}; /* a clock that is right moves nothing */
  usage_add(&u, now, NULL, 1, 1);
  usage_roll(&u, now - SECOND_US, NULL);
  usage_roll(&u, now - 4 * 60 * SECOND_US, NULL);
  assert_int_equal(u.smooth_next_us, now + 3600 * SECOND_US);
}

/* --- warnings --- */

static void test_warnings(void **state) {
  (void)state;
  static const struct {
    const char *limits[RULES_MAX];
    int before;        /* messages */
    unsigned given[9]; /* percent, one by one, with as many messages more */
  } samples[] = {
      {{"10/day"}, 6, {0, 80, 0, 95, 0}},
      {{"100/month"}, 78, {0, 80, 0}},
      {{"10/hour:defer"}, 6, {0, 80, 0, 95, 0}},
      {{"1/day"}, 0, {95, 0}},
      {{"10/minute", "10/second", "10/day:smooth", "10rcpt/message"}, 6, {0, 0, 0, 0, 0}},
      {{"20/day", "10/day", "1000/day"}, 6, {0, 80, 0, 95, 0}}, /* the lowest */
      {{"10MB/day"}, 7, {80, 0, 95, 0}},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct limit limits[RULES_MAX];
    struct usage u = {0};
    struct usage_warning got[9];
    size_t n = parse(samples[i].limits, limits);
    int64_t now = moment("2026-11-22 20:48");
    for (int k = 0; k < samples[i].before; k++) usage_add(&u, now, NULL, 1, 1 << 20);
    for (int k = 0; k < 5; k++) {
      usage_add(&u, now, NULL, 1, 1 << 20);
      size_t many = usage_warn(&u, limits, n, now, got, COUNT_OF(got));
      if (many != (samples[i].given[k] != 0)) fail_msg("sample %zu, message %d: %zu warnings", i, k, many);
      if (many) assert_int_equal(got[0].percent, samples[i].given[k]);
    }
  }
}

/* Once for each period: a day begins anew, an hour is one since the first warning, a limit may be raised. */
static void test_warnings_again(void **state) {
  (void)state;
  struct limit l[RULES_MAX];
  struct usage u = {0};
  struct usage_warning got[9];
  int64_t now = moment("2026-11-22 20:48"), minute = 60 * SECOND_US;
  parse((const char *const[RULES_MAX]){"10/hour", "10/day", "100/day"}, l);
  for (int i = 0; i < 8; i++) usage_add(&u, now, NULL, 1, 1);
  assert_int_equal(usage_warn(&u, l, 2, now, got, 1), 1); /* the other one is due next time */
  assert_true(got[0].limit == &l[0] && got[0].used == 8 && got[0].free_us == now + 63 * minute);
  assert_int_equal(usage_warn(&u, l, 2, now, got, 9), 1);
  assert_true(got[0].limit == &l[1] && got[0].free_us == moment("2026-11-23"));
  assert_int_equal(usage_warn(&u, &l[2], 1, now, got, 9), 0); /* raised */
  for (int i = 0; i < 72; i++) usage_add(&u, now, NULL, 1, 1);
  assert_int_equal(usage_warn(&u, &l[2], 1, now, got, 9), 1);
  now = moment("2026-11-23 00:01");
  for (int i = 0; i < 8; i++) usage_add(&u, now, NULL, 1, 1);
  assert_int_equal(usage_warn(&u, l, 2, now, got, 9), 2);
  for (int i = 0; i < 59; i++) {
    usage_add(&u, now += minute, NULL, 1, 1);
    if (usage_warn(&u, l, 1, now, got, 9) && i > 1) fail_msg("again after %d minutes", i);
  }
  usage_add(&u, now += minute, NULL, 1, 1);
  assert_int_equal(usage_warn(&u, l, 1, now, got, 9), 1);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_counted),        cmocka_unit_test(test_clock_back),
      cmocka_unit_test(test_zone_changes),   cmocka_unit_test(test_slots_move_with_the_clock),
      cmocka_unit_test(test_packed),         cmocka_unit_test(test_warnings),
      cmocka_unit_test(test_warnings_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What limits let in at each boundary, and the slots of a smoothed one. */
#include "base/limits.h"

#include "tests/unit/limit_samples.h"

/* A window that is over counts for nothing; the others go on. */
static void test_windows_roll(void **state) {
  (void)state;
  static const struct {
    const char *limit, *until; /* refused up to here, and admitted from here on */
  } samples[] = {{"1/second", "2026-11-30 23:59:59"}, {"1/minute", "2026-12-01 00:00:00"},
                 {"1/hour", "2026-12-01 00:00:00"},   {"1/day", "2026-12-01 00:00:00"},
                 {"1/month", "2026-12-01 00:00:00"},  {"2/month", "2026-11-30 23:59:58"}};
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct limit l;
    struct usage u = {0};
    int64_t then = moment("2026-11-30 23:59:58"), until = moment(samples[i].until);
    assert_int_equal(limit_parse(samples[i].limit, &l, NULL), OK);
    usage_add(&u, then, 1, 1);
    for (int64_t now = then; now <= moment("2026-12-01 00:00:01"); now += SECOND_US / 4) {
      usage_roll(&u, now);
      struct limit_verdict v = check(&l, 1, &u, now, 1, 1, false);
      assert_int_equal(v.result, now < until ? E_LIMIT : OK);
      if (v.result == E_LIMIT) assert_true(v.resets_us == until && v.used == 1 && v.asked == 1);
    }
  }
}

static void test_smooth_slots(void **state) {
  (void)state;
  static const struct {
    const char *limits[RULES_MAX];
    int64_t apart;
  } samples[] = {{{"2/second:smooth"}, SECOND_US / 2},
                 {{"60/minute:smooth"}, SECOND_US},
                 {{"1/hour:smooth"}, 3600 * SECOND_US},
                 {{"24/day:smooth"}, 3600 * SECOND_US},
                 {{"30/month:smooth"}, 86400 * SECOND_US},
                 {{"60/minute:smooth", "24/day:smooth", "2/second:smooth"}, 3600 * SECOND_US}, /* the slowest */
                 {{"9223372036854775807/second:smooth"}, 0}};
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct limit limits[RULES_MAX];
    size_t n = parse(samples[i].limits, limits);
    struct usage u = {0};
    int64_t now = moment("2026-11-22 20:48"), day = 86400 * SECOND_US;
    for (int64_t k = 0; k < 100; k++) {
      int64_t slot = now + k * samples[i].apart;
      struct limit_verdict asked = check(limits, n, &u, now, 1, 1, false), v;
      v = check(limits, n, &u, now, 1, 1, true);
      assert_true(asked.result == v.result && asked.not_before_us == v.not_before_us); /* asking takes no slot */
      assert_int_equal(v.result, slot > now + day ? E_LIMIT : OK);
      if (v.result != OK) {
        assert_true(v.resets_us == slot - day);
        break;
      }
      assert_true(v.not_before_us == (slot > now ? slot : 0));
      assert_true(u.smooth_next_us == slot + samples[i].apart);
    }
  }
}

/* A clock that was years ahead gave the slots: the account does not wait until then. */
static void test_smooth_slot_of_a_wrong_clock(void **state) {
  (void)state;
  struct limit limits[RULES_MAX];
  size_t n = parse((const char *const[RULES_MAX]){"1/month:smooth"}, limits);
  int64_t now = moment("2026-11-22 20:48"), day = 86400 * SECOND_US;
  struct usage u = {.smooth_next_us = now + 5 * 365 * day};
  struct limit_verdict v = check(limits, n, &u, now, 1, 1, true);
  assert_true(v.result == OK && v.not_before_us == 0 && u.smooth_next_us == now + 30 * day);
  assert_int_equal(check(limits, n, &u, now, 1, 1, true).result, E_LIMIT); /* a slot that can be stays */
}

/* A slot that went by unused is not saved up, and one that another limit refuses is not taken. */
static void test_smooth_with_others(void **state) {
  (void)state;
  struct limit limits[RULES_MAX];
  size_t n = parse((const char *const[RULES_MAX]){"1/second:smooth", "2rcpt/message"}, limits);
  int64_t now = moment("2026-11-22 20:48");
  struct usage u = {.smooth_next_us = now - 3600 * SECOND_US};
  assert_int_equal(check(limits, n, &u, now, 3, 1, true).result, E_LIMIT);
  assert_true(u.smooth_next_us == now - 3600 * SECOND_US);
  struct limit_verdict v = check(limits, n, &u, now, 2, 1, true);
  assert_true(v.result == OK && v.not_before_us == 0 && v.rule == &limits[0]);
  assert_true(u.smooth_next_us == now + SECOND_US);
  v = check(limits, n, &u, now, 2, 1, true);
  assert_true(v.result == OK && v.not_before_us == now + SECOND_US);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_windows_roll),
      cmocka_unit_test(test_smooth_slots),
      cmocka_unit_test(test_smooth_slot_of_a_wrong_clock),
      cmocka_unit_test(test_smooth_with_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

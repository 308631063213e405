/* What limits let in at each boundary, and the slots of a smoothed one. */
#include "base/usage/limits.h"

#include "tests/unit/limit_samples.h"

/* A window that is over counts for nothing; the others go on. One that rolls is over a slot later at most. */
static void test_windows_end(void **state) {
  (void)state;
  static const struct {
    const char *limit, *until; /* refused up to here, and admitted from here on */
  } samples[] = {{"1/second", "2026-11-30 23:59:59.050"}, {"1/minute", "2026-12-01 00:01:00"},
                 {"1/hour", "2026-12-01 01:00:00"},       {"1/day", "2026-12-01 00:00:00"},
                 {"1/month", "2026-12-01 00:00:00"},      {"2/month", "2026-11-30 23:59:58"}};
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct limit l = limit_of(samples[i].limit);
    struct usage u = {0};
    int64_t then = moment("2026-11-30 23:59:58"), until = moment(samples[i].until), step = SECOND_US / 20;
    usage_add(&u, then, NULL, 1, 1);
    for (int64_t now = then; now <= until + SECOND_US; now += step) {
      usage_roll(&u, now, NULL);
      struct limit_verdict v = check(&l, 1, &u, now, 1, 1, false);
      if (v.result != (now < until ? E_LIMIT : OK)) fail_msg("%s at %lld", l.text, (long long)(now - then));
      if (v.result == E_LIMIT) assert_true(v.resets_us == until && v.used == 1 && v.asked == 1);
    }
  }
}

/* Recipients leave slot by slot: the verdict says when there is room for as many as are asked for. */
static void test_when_it_is_possible(void **state) {
  (void)state;
  struct limit l = limit_of("10rcpt/hour");
  struct usage u = {0};
  int64_t base = moment("2026-11-30 12:00"), minute = 60 * SECOND_US;
  for (int i = 0; i < 10; i++) usage_add(&u, base + i * 3 * minute, NULL, 1, 1);
  static const struct {
    uint64_t asked;
    int64_t minutes;
  } samples[] = {{1, 63}, {2, 66}, {10, 90}, {11, 90}}; /* what never fits is told when all is free */
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct limit_verdict v = check(&l, 1, &u, base + 28 * minute, samples[i].asked, 1, false);
    assert_int_equal(v.result, E_LIMIT);
    assert_int_equal(v.resets_us, base + samples[i].minutes * minute);
    usage_roll(&u, base + 28 * minute, NULL);
  }
  struct usage later = u;
  usage_roll(&later, base + 66 * minute - 1, NULL);
  assert_int_equal(check(&l, 1, &later, base + 66 * minute - 1, 2, 1, false).result, E_LIMIT);
  usage_roll(&later, base + 66 * minute, NULL);
  assert_int_equal(check(&l, 1, &later, base + 66 * minute, 2, 1, false).result, OK);
}

/* Of several owners the one that says no is named; of those that smooth, the latest time. */
static void test_scopes(void **state) {
  (void)state;
  static const struct {
    const char *limits[3]; /* the gateway's, a domain's, an account's */
    int result, named;     /* -1: none */
    int64_t not_before;    /* seconds from now */
  } samples[] = {
      {{NULL, NULL, NULL}, OK, -1, 0},
      {{"6/day", "6/day", "6/day"}, OK, -1, 0},
      {{"5/day", NULL, NULL}, E_LIMIT, 0, 0},
      {{NULL, "5/month", "5/day"}, E_LIMIT, 1, 0},
      {{"5/minute", "1rcpt/message", "5/day"}, E_LIMIT, 1, 0},
      {{NULL, "60/hour:smooth", "1/hour:smooth"}, OK, 2, 7200},
      {{"1/hour:smooth", "60/hour:smooth", "5/day"}, E_LIMIT, 2, 0},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct usage all[3] = {0}, *usage[3];
    struct limit limits[3];
    struct usage_scope scopes[3] = {{SCOPE_GATEWAY, ""}, {SCOPE_DOMAIN, "example.com"}, {SCOPE_ACCOUNT, "blog"}};
    int64_t now = moment("2026-11-22 20:48");
    for (size_t n = 0; n < 3; n++) {
      for (int k = 0; k < 5; k++) usage_add(&all[n], now, NULL, 1, 1);
      usage[n] = &all[n];
      scopes[n].limits = &limits[n];
      scopes[n].limit_count = samples[i].limits[n] ? 1 : 0;
      if (samples[i].limits[n]) limits[n] = limit_of(samples[i].limits[n]);
      for (int k = 0; k < 2; k++) limits_reserve(scopes[n].limits, scopes[n].limit_count, usage[n], now);
    }
    struct limit_request request = {2, 1};
    struct limit_verdict v = limits_check_scopes(scopes, usage, 3, now, &request);
    assert_int_equal(v.result, samples[i].result);
    assert_true(samples[i].named < 0 ? !v.rule : v.rule == &limits[samples[i].named]);
    if (v.rule) assert_ptr_equal(v.scope, &scopes[samples[i].named]);
    assert_int_equal(v.not_before_us, samples[i].not_before ? now + samples[i].not_before * SECOND_US : 0);
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

/* Who may send one a month, and then sixty a minute, does not wait for the month's end; a clock that was a week ahead
 * keeps nobody waiting for a week. */
static void test_smooth_slot_of_a_slower_limit(void **state) {
  (void)state;
  struct limit month[RULES_MAX], minute[RULES_MAX], both[RULES_MAX];
  parse((const char *const[RULES_MAX]){"1/month:smooth"}, month);
  parse((const char *const[RULES_MAX]){"60/minute:smooth"}, minute);
  parse((const char *const[RULES_MAX]){"60/minute:smooth", "1/month:smooth"}, both);
  int64_t now = moment("2026-11-22 20:48"), day = 86400 * SECOND_US;
  struct usage u = {0};
  assert_int_equal(check(month, 1, &u, now, 1, 1, true).result, OK);
  assert_true(u.smooth_next_us == now + 30 * day);
  assert_int_equal(check(both, 2, &u, now, 1, 1, false).result, E_LIMIT); /* while the slower one is there */
  struct limit_verdict v = check(minute, 1, &u, now, 1, 1, true);
  assert_true(v.result == OK && v.not_before_us == 0 && u.smooth_next_us == now + SECOND_US);
  u.smooth_next_us = now + 7 * day;
  assert_int_equal(check(minute, 1, &u, now, 1, 1, true).result, OK);
  u.smooth_next_us = now + day + SECOND_US; /* one that can be stays */
  assert_int_equal(check(minute, 1, &u, now, 1, 1, true).result, E_LIMIT);
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
      cmocka_unit_test(test_windows_end),
      cmocka_unit_test(test_when_it_is_possible),
      cmocka_unit_test(test_scopes),
      cmocka_unit_test(test_smooth_slots),
      cmocka_unit_test(test_smooth_slot_of_a_wrong_clock),
      cmocka_unit_test(test_smooth_slot_of_a_slower_limit),
      cmocka_unit_test(test_smooth_with_others),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

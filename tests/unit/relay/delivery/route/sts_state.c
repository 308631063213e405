/* A domain's MTA-STS policy over time: what counts, what is asked, and when. */
#include "relay/delivery/route/sts_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define T0 (1800000000 * SECOND_US)
#define MINUTE (60 * SECOND_US)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

static struct sts_policy *policy(const char *mode, unsigned max_age) {
  char text[200];
  struct sts_policy *p;
  struct reason why;
  snprintf(text, sizeof text, "version: STSv1\nmode: %s\nmax_age: %u\nmx: *.example.net\n", mode, max_age);
  assert_int_equal(sts_policy_read(bytes_of(text), &p, &why), OK);
  return p;
}

static void test_the_first_message(void **state) {
  (void)state;
  struct sts_state s = {0};
  assert_true(sts_state_record_due(&s, T0) && !sts_state_fetch_due(&s, T0) && !sts_state_policy(&s, T0));
  sts_state_take_record(&s, "1", 300, T0);
  assert_true(!sts_state_record_due(&s, T0) && sts_state_fetch_due(&s, T0) && sts_state_waits(&s, T0));
  assert_int_equal(sts_state_ttl(&s, T0), 300);
  sts_state_take_policy(&s, policy("enforce", 604800), "1", T0, 0);
  assert_true(!sts_state_fetch_due(&s, T0 + HOUR) && sts_state_policy(&s, T0 + HOUR) == s.policy);
  assert_false(sts_state_record_due(&s, T0 + 299 * SECOND_US));
  assert_true(sts_state_record_due(&s, T0 + 300 * SECOND_US));
  assert_int_equal(sts_state_ttl(&s, T0 + HOUR), 0);
  sts_state_clear(&s);
  assert_null(s.policy);
}

static void test_no_record(void **state) {
  (void)state;
  struct sts_state s = {0};
  sts_state_take_record(&s, "", 0, T0);
  assert_true(!sts_state_fetch_due(&s, T0) && !sts_state_policy(&s, T0));
  assert_true(!sts_state_record_due(&s, T0 + 4 * SECOND_US) && sts_state_record_due(&s, T0 + 5 * SECOND_US));
  sts_state_take_record(&s, "", UINT32_MAX, T0);
  assert_true(!sts_state_record_due(&s, T0 + DAY - 1) && sts_state_record_due(&s, T0 + DAY));
  sts_state_record_failed(&s, T0);
  assert_true(!sts_state_record_due(&s, T0 + 29 * SECOND_US) && sts_state_record_due(&s, T0 + 30 * SECOND_US));
}

static void test_a_new_id(void **state) {
  (void)state;
  struct sts_state s = {0};
  sts_state_take_record(&s, "1", 60, T0);
  sts_state_take_policy(&s, policy("enforce", 604800), "1", T0, 0);
  struct sts_policy *old = s.policy;
  sts_state_take_record(&s, "2", 60, T0 + MINUTE);
  assert_true(sts_state_fetch_due(&s, T0 + MINUTE) && !sts_state_waits(&s, T0 + MINUTE));
  assert_ptr_equal(sts_state_policy(&s, T0 + MINUTE), old); /* the old one counts until the new one is there */
  sts_state_take_failure(&s, STS_FETCH_ERROR, "2", T0 + MINUTE, 0);
  assert_true(!sts_state_fetch_due(&s, T0 + 2 * MINUTE) && sts_state_policy(&s, T0 + 2 * MINUTE) == old);
  sts_state_take_record(&s, "3", 60, T0 + 2 * MINUTE); /* is something new */
  assert_true(sts_state_fetch_due(&s, T0 + 2 * MINUTE));
  sts_state_take_policy(&s, policy("none", 60), "3", T0 + 2 * MINUTE, 0);
  assert_true(sts_state_policy(&s, T0 + 2 * MINUTE)->mode == STS_MODE_NONE && s.failure == STS_FAILURE_NONE);
  sts_state_clear(&s);
}

static void test_what_is_known_counts_to_its_end(void **state) {
  (void)state;
  struct sts_state s = {0};
  sts_state_take_record(&s, "1", 60, T0);
  sts_state_take_policy(&s, policy("enforce", 7 * 86400), "1", T0, 0);
  sts_state_take_record(&s, "", 60, T0 + DAY); /* the record has gone */
  assert_true(sts_state_policy(&s, T0 + 7 * DAY - 1) && !sts_state_policy(&s, T0 + 7 * DAY));
  assert_false(sts_state_fetch_due(&s, T0 + 6 * DAY)); /* nor is it made to live longer */
  sts_state_take_record(&s, "1", 60, T0 + 6 * DAY);    /* it is there again, and the web server is not */
  for (int64_t now = T0 + 6 * DAY; now < T0 + 7 * DAY; now += HOUR) {
    assert_non_null(sts_state_policy(&s, now));
    if (sts_state_fetch_due(&s, now)) sts_state_take_failure(&s, STS_WEBPKI_INVALID, "1", now, 1000);
  }
  assert_int_equal(s.failure, STS_WEBPKI_INVALID);
  assert_false(sts_state_waits(&s, T0 + 7 * DAY)); /* a failure counts as no policy */
  sts_state_clear(&s);
}

/* It is fetched anew before its end, though its id is the same: once a day, or when half of its time is over. */
static void test_refresh(void **state) {
  (void)state;
  static const struct {
    unsigned max_age;
    uint32_t random;
    int64_t after;
  } cases[] = {
      {31557600, 0, DAY},     {31557600, 1000, DAY - DAY / 4},         {31557600, 1001, DAY},
      {86400, 0, 12 * HOUR},  {86400, 500, 12 * HOUR - 12 * HOUR / 8}, {3600, 1000, 30 * MINUTE - 30 * MINUTE / 4},
      {0, 0, 30 * SECOND_US},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sts_state s = {0};
    sts_state_take_record(&s, "1", 60, T0);
    sts_state_take_policy(&s, policy("enforce", cases[i].max_age), "1", T0, cases[i].random);
    int64_t at = T0 + cases[i].after;
    if (sts_state_refresh_due(&s, at - 1) || !sts_state_refresh_due(&s, at)) fail_msg("case %zu", i);
    assert_true(!sts_state_fetch_due(&s, at - 1) && sts_state_fetch_due(&s, at) && !sts_state_waits(&s, at));
    sts_state_clear(&s);
  }
}

/* Where DNS does not announce it any more, or does not answer, DNS is not asked all the time. */
static void test_no_refresh_without_a_record(void **state) {
  (void)state;
  struct sts_state s = {0};
  sts_state_take_record(&s, "1", 60, T0);
  sts_state_take_policy(&s, policy("enforce", 30 * 86400), "1", T0, 0);
  assert_true(sts_state_refresh_due(&s, T0 + DAY));
  sts_state_take_record(&s, "", 60, T0 + DAY);
  assert_true(!sts_state_refresh_due(&s, T0 + DAY + 3 * HOUR) && sts_state_refresh_due(&s, T0 + DAY + 4 * HOUR));
  sts_state_record_failed(&s, T0 + 2 * DAY);
  assert_true(!sts_state_refresh_due(&s, T0 + 2 * DAY + 4 * MINUTE));
  assert_true(sts_state_refresh_due(&s, T0 + 2 * DAY + 5 * MINUTE) && sts_state_policy(&s, T0 + 2 * DAY));
  sts_state_clear(&s);
}

static void test_failures_are_spread(void **state) {
  (void)state;
  static const int64_t waits[] = {5 * MINUTE,  10 * MINUTE,  20 * MINUTE, 40 * MINUTE,
                                  80 * MINUTE, 160 * MINUTE, 4 * HOUR,    4 * HOUR};
  struct sts_state s = {0};
  int64_t now = T0;
  sts_state_take_record(&s, "1", 60, now);
  for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
    assert_true(sts_state_fetch_due(&s, now) && sts_state_waits(&s, now) == (i == 0));
    sts_state_take_failure(&s, STS_FETCH_ERROR, "1", now, 0);
    assert_false(sts_state_fetch_due(&s, now + waits[i] - 1));
    now += waits[i];
  }
  sts_state_take_record(&s, "1", 86400, now);
  sts_state_take_failure(&s, STS_FETCH_ERROR, "1", now, 1000);
  assert_int_equal(sts_state_ttl(&s, now), 4 * 3600 + 24 * 60); /* then it is tried again */
  assert_true(!sts_state_fetch_due(&s, now + 4 * HOUR) && sts_state_fetch_due(&s, now + 4 * HOUR + 24 * MINUTE));
  sts_state_take_record(&s, "2", 60, now);
  assert_true(sts_state_fetch_due(&s, now) && sts_state_waits(&s, now));
  sts_state_take_failure(&s, STS_FETCH_ERROR, "2", now, 0);
  assert_int_equal(s.failures, 1);
  sts_state_take_policy(&s, policy("testing", 86400), "2", now, 0);
  assert_true(s.failures == 0 && !sts_state_fetch_due(&s, now));
  sts_state_clear(&s);
}

static void test_a_short_life(void **state) {
  (void)state;
  struct sts_state s = {0};
  sts_state_take_record(&s, "1", 3600, T0);
  sts_state_take_policy(&s, policy("enforce", 0), "1", T0, 0);
  assert_non_null(sts_state_policy(&s, T0 + MINUTE - 1));
  assert_int_equal(sts_state_ttl(&s, T0), 60);
  assert_true(!sts_state_policy(&s, T0 + MINUTE) && sts_state_fetch_due(&s, T0 + MINUTE));
  assert_true(sts_state_waits(&s, T0 + MINUTE));
  sts_state_clear(&s);
}

static void test_a_clock_that_is_set_back(void **state) {
  (void)state;
  struct sts_state s = {0};
  sts_state_take_record(&s, "1", 3600, T0);
  sts_state_take_failure(&s, STS_FETCH_ERROR, "1", T0, 0);
  assert_true(sts_state_record_due(&s, T0 - 30 * DAY));
  assert_true(sts_state_fetch_due(&s, T0 - 30 * DAY));
  sts_state_take_policy(&s, policy("enforce", 604800), "1", T0, 0);
  assert_non_null(sts_state_policy(&s, T0 - 30 * DAY)); /* it is not given up, and at once fetched anew */
  assert_true(sts_state_fetch_due(&s, T0 - 30 * DAY) && !sts_state_fetch_due(&s, T0 - MINUTE));
  sts_state_clear(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_first_message),
      cmocka_unit_test(test_no_record),
      cmocka_unit_test(test_a_new_id),
      cmocka_unit_test(test_what_is_known_counts_to_its_end),
      cmocka_unit_test(test_refresh),
      cmocka_unit_test(test_no_refresh_without_a_record),
      cmocka_unit_test(test_failures_are_spread),
      cmocka_unit_test(test_a_short_life),
      cmocka_unit_test(test_a_clock_that_is_set_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "relay/delivery/site/login_pause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MINUTE (60 * SECOND_US)

static void test_pauses_grow_and_end(void **state) {
  struct login_pauses *p = login_pauses_new();
  const char *why = NULL;
  int64_t now = 1000 * MINUTE, until;
  (void)state;
  assert_non_null(p);
  assert_int_equal(login_pause_until(p, 7, now, &why), 0);
  static const int64_t minutes[] = {5, 10, 20, 40, 60, 60};
  for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
    until = login_pause_begin(p, 7, 5 * MINUTE, "535 no", now);
    assert_int_equal(until, now + minutes[i] * MINUTE);
    assert_int_equal(login_pause_until(p, 7, until - 1, &why), until);
    assert_string_equal(why, "535 no");
    assert_int_equal(login_pause_until(p, 8, now, &why), 0);
    now = until;
    assert_int_equal(login_pause_until(p, 7, now, &why), 0); /* for one try */
  }
  assert_int_equal(login_pause_count(p), 1);
  assert_true(login_pause_end(p, 7));
  assert_false(login_pause_end(p, 7));
  assert_int_equal(login_pause_begin(p, 7, 5 * MINUTE, "again", now), now + 5 * MINUTE); /* from the beginning */
  login_pauses_free(&p);
  assert_null(p);
}

/* Connections that were opened before the first was refused. */
static void test_failures_at_once_are_one(void **state) {
  struct login_pauses *p = login_pauses_new();
  (void)state;
  int64_t until = login_pause_begin(p, 7, MINUTE, "no", 10);
  for (int i = 0; i < 5; i++) assert_int_equal(login_pause_begin(p, 7, MINUTE, "no", 20 + i), until);
  assert_int_equal(login_pause_begin(p, 7, MINUTE, "no", until), until + 2 * MINUTE);
  login_pauses_free(&p);
}

/* A clock that was ahead makes no pause of years. */
static void test_a_clock_that_is_set_back(void **state) {
  struct login_pauses *p = login_pauses_new();
  const char *why;
  (void)state;
  login_pause_begin(p, 7, MINUTE, "no", 1000000 * MINUTE);
  assert_int_equal(login_pause_until(p, 7, 10 * MINUTE, &why), 0);
  assert_int_equal(login_pause_begin(p, 7, MINUTE, "no", 10 * MINUTE), 12 * MINUTE);
  login_pauses_free(&p);
}

/* Another token is awaited for one that was refused; that is no pause, and no login that was refused. */
static void test_tokens(void **state) {
  struct login_pauses *p = login_pauses_new();
  const char *why;
  (void)state;
  login_token_refuse(p, 7, 1000);
  assert_true(login_token_is_refused(p, 7, 1000));
  assert_false(login_token_is_refused(p, 7, 1001) || login_token_is_refused(p, 8, 1000));
  assert_int_equal(login_pause_until(p, 7, 10, &why), 0);
  assert_int_equal(login_pause_count(p), 0);
  assert_int_equal(login_pause_begin(p, 7, MINUTE, "no", 10), 10 + MINUTE);
  assert_true(login_token_is_refused(p, 7, 1000) && login_pause_count(p) == 1);
  assert_true(login_pause_end(p, 7));
  login_token_refuse(p, 7, 1000);
  assert_false(login_pause_end(p, 7));
  login_pauses_free(&p);
}

static bool is_even(const void *arg, int64_t route) {
  (void)arg;
  return route % 2 == 0;
}

static void test_bounded_and_forgotten(void **state) {
  struct login_pauses *p = login_pauses_new();
  const char *why;
  (void)state;
  for (int64_t i = 0; i < LOGIN_PAUSES_MAX + 10; i++) login_pause_begin(p, i, MINUTE, "no", 10);
  assert_int_equal(login_pause_count(p), LOGIN_PAUSES_MAX);
  assert_int_equal(login_pause_until(p, 9, 20, &why), 0); /* the first gave way */
  assert_true(login_pause_until(p, 10, 20, &why) && login_pause_until(p, 11, 20, &why));
  login_pauses_keep(p, is_even, NULL);
  assert_int_equal(login_pause_count(p), LOGIN_PAUSES_MAX / 2);
  assert_true(login_pause_until(p, 10, 20, &why) && !login_pause_until(p, 11, 20, &why));
  login_pauses_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pauses_grow_and_end),
      cmocka_unit_test(test_failures_at_once_are_one),
      cmocka_unit_test(test_a_clock_that_is_set_back),
      cmocka_unit_test(test_bounded_and_forgotten),
      cmocka_unit_test(test_tokens),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "relay/delivery/site/downs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MINUTE (60 * SECOND_US)

static void test_intervals_grow(void **state) {
  (void)state;
  static const struct config c = {.retry_us = {MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE}, .retry_count = 4};
  static const int64_t minutes[] = {1, 5, 15, 30, 30, 30};
  struct downs *d = downs_new();
  int64_t now = 7;
  assert_false(downs_any(d));
  for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
    int64_t at = downs_failed(d, "a", &c, now);
    assert_int_equal(at - now, minutes[i] * MINUTE);
    now = at;
  }
  assert_int_equal(downs_failed(d, "b", &c, now) - now, MINUTE);
  assert_true(downs_answered(d, "a"));
  assert_false(downs_answered(d, "a"));
  assert_true(downs_any(d));
  assert_int_equal(downs_failed(d, "a", &c, now) - now, MINUTE); /* from the start */
  downs_free(&d);
  assert_null(d);
}

static void test_is_bounded(void **state) {
  (void)state;
  static const struct config none = {0};
  struct downs *d = downs_new();
  char key[20];
  for (int i = 0; i <= DOWNS_MAX; i++) {
    snprintf(key, sizeof key, "%d", i);
    assert_int_equal(downs_failed(d, key, &none, 0), 15 * MINUTE);
  }
  assert_false(downs_answered(d, "0")); /* it gave way */
  assert_true(downs_answered(d, "1"));
  downs_free(&d);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_intervals_grow),
      cmocka_unit_test(test_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

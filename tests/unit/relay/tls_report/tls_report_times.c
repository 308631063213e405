/* When reports are made, and when again: the clock is passed in. */
#include "relay/tls_report/tls_report_times.h"

#include "base/clock.h"
#include "base/mail/tls_outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#define HOUR_US (3600 * SECOND_US)

static void test_the_moment_is_in_the_first_four_hours(void **state) {
  (void)state;
  int64_t least = 4 * HOUR_US, most = 0;
  for (int64_t day = 20000; day < 20500; day++) {
    int64_t after = tls_report_moment(day, "smtp.example.com") - tls_day_start_us(day + 1);
    assert_int_equal(after, tls_report_moment(day, "smtp.example.com") - tls_day_start_us(day + 1));
    if (after < least) least = after;
    if (after > most) most = after;
  }
  assert_in_range(least, 5 * 60 * SECOND_US, HOUR_US / 2);
  assert_in_range(most, 7 * HOUR_US / 2, 4 * HOUR_US);
  assert_int_not_equal(tls_report_moment(20000, "a"), tls_report_moment(20000, "b"));
}

/* Exponential, and over after 24 hours. */
static void test_again(void **state) {
  (void)state;
  int64_t first = tls_day_start_us(20000), now = first, last_wait = 0, next;
  unsigned attempts = 1;
  while (tls_report_again(first, attempts, now, &next)) {
    assert_true(next - now >= 2 * last_wait || attempts == 1);
    last_wait = next - now;
    now = next;
    attempts++;
  }
  assert_in_range(attempts, 5, 12);
  assert_true(now - first <= 24 * HOUR_US && now - first > 8 * HOUR_US);
  assert_false(tls_report_again(first, 4000000000u, first, &next) && next < first);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_moment_is_in_the_first_four_hours),
                                     cmocka_unit_test(test_again)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

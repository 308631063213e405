#include "relay/delivery/site/turn_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MS INT64_C(1000)

static void test_nothing_is_known_at_first(void **state) {
  (void)state;
  struct turn_time t = {0};
  assert_int_equal(turn_time_expect(&t, 5 * MS, 3), 0);
  turn_time_note(&t, 5 * MS, 2);
  assert_int_equal(turn_time_expect(&t, 9 * MS, 3), 0);
}

static void test_a_steady_queue(void **state) {
  (void)state;
  struct turn_time t = {0};
  for (int64_t i = 1; i <= 50; i++) turn_time_note(&t, i * 20 * MS, 9);
  assert_int_equal(turn_time_expect(&t, 50 * 20 * MS, 0), 20 * MS);
  assert_int_equal(turn_time_expect(&t, 50 * 20 * MS, 99), 2000 * MS);
}

static void test_it_follows(void **state) {
  (void)state;
  struct turn_time t = {0};
  int64_t now = 1;
  for (int i = 0; i < 50; i++) turn_time_note(&t, now += 20 * MS, 9);
  for (int i = 0; i < 40; i++) turn_time_note(&t, now += 200 * MS, 9);
  assert_in_range(turn_time_expect(&t, now, 0), 190 * MS, 200 * MS);
}

/* The time in which there was nothing to send is no turn. */
static void test_an_empty_queue_takes_no_time(void **state) {
  (void)state;
  struct turn_time t = {0};
  turn_time_note(&t, 10 * MS, 1);
  turn_time_note(&t, 20 * MS, 0);
  turn_time_note(&t, 900000 * MS, 5);
  assert_int_equal(turn_time_expect(&t, 900000 * MS, 0), 10 * MS);
}

static void test_what_stands_still_is_slow(void **state) {
  (void)state;
  struct turn_time t = {0};
  turn_time_note(&t, 10 * MS, 3);
  turn_time_note(&t, 20 * MS, 2);
  assert_int_equal(turn_time_expect(&t, 25 * MS, 1), 20 * MS);
  assert_int_equal(turn_time_expect(&t, 60020 * MS, 1), 120000 * MS);
}

/* Two at the same moment: it is known, and not 0. */
static void test_at_once(void **state) {
  (void)state;
  struct turn_time t = {0};
  turn_time_note(&t, 10 * MS, 3);
  turn_time_note(&t, 10 * MS, 2);
  assert_int_equal(turn_time_expect(&t, 10 * MS, 9), 10);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_known_at_first),
                                     cmocka_unit_test(test_a_steady_queue),
                                     cmocka_unit_test(test_it_follows),
                                     cmocka_unit_test(test_an_empty_queue_takes_no_time),
                                     cmocka_unit_test(test_what_stands_still_is_slow),
                                     cmocka_unit_test(test_at_once)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

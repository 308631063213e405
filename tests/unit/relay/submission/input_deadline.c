/* How long a client may take: spans, rates, and the time that is ours. */
#include "relay/submission/input_deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START UINT64_C(123456789)

static void test_a_line_has_one_span(void **state) {
  (void)state;
  struct input_deadline p;
  input_deadline_begin(&p, 5000, 0, START);
  assert_int_equal(input_deadline_left(&p, START), 5000);
  assert_int_equal(input_deadline_left(&p, START + 4999), 1);
  assert_int_equal(input_deadline_left(&p, START + 5000), 0);
  assert_int_equal(input_deadline_left(&p, START + 500000), 0);
  assert_true(input_deadline_was_silence(&p, START + 5000));
}

static void test_our_time_does_not_count(void **state) {
  (void)state;
  struct input_deadline p;
  input_deadline_begin(&p, 5000, 100, START);
  input_deadline_stop(&p, START + 2000);
  assert_int_equal(input_deadline_left(&p, START + 100000), 3000);
  input_deadline_stop(&p, START + 100000); /* twice is once */
  input_deadline_run(&p, START + 200000);
  assert_int_equal(input_deadline_left(&p, START + 200000), 3000);
  input_deadline_run(&p, START + 201000);
  assert_int_equal(input_deadline_left(&p, START + 202000), 1000);
}

static void test_silence(void **state) {
  (void)state;
  struct input_deadline p;
  input_deadline_begin(&p, 3000, 100, START);
  input_deadline_feed(&p, 10000000, START + 1000); /* much at once is worth no more than the span */
  assert_int_equal(input_deadline_left(&p, START + 1000), 3000);
  assert_int_equal(input_deadline_left(&p, START + 4000), 0);
  assert_true(input_deadline_was_silence(&p, START + 4000));
}

/* When a client sends `octets` each `ms`, for how long it is heard; 0: for ever. */
static uint64_t heard(size_t octets, uint64_t ms, unsigned rate) {
  struct input_deadline p;
  input_deadline_begin(&p, 180000, rate, START);
  for (uint64_t t = 0; t < 10 * 3600 * UINT64_C(1000); t += ms) {
    if (!input_deadline_left(&p, START + t)) {
      assert_int_equal(input_deadline_was_silence(&p, START + t), ms > 90000);
      return t;
    }
    input_deadline_feed(&p, octets, START + t);
  }
  return 0;
}

static void test_trickle(void **state) {
  (void)state;
  assert_int_equal(heard(1, 1000, 100), 182000); /* an octet a second: hardly longer than silence */
  assert_int_equal(heard(100, 1000, 100), 0);    /* just fast enough */
  assert_int_equal(heard(99, 1000, 100) / 1000 / 3600, 4);
  assert_int_equal(heard(3000, 30000, 100), 0);
  assert_int_equal(heard(65536, 179000, 100), 0);
  assert_true(heard(3000, 179000, 100) < 400000); /* bursts between long silences */
  assert_int_equal(heard(1, 179000, 0), 0);       /* no least rate: silence alone counts */
  assert_int_equal(heard(1, 1, 1000), 0);
  assert_true(heard(1, 1, 1100) > 180000); /* less than a millisecond an octet is not lost */
}

static void test_extremes(void **state) {
  (void)state;
  struct input_deadline p;
  input_deadline_begin(&p, UINT64_C(1000) * 86400 * 365, 1, START);
  input_deadline_feed(&p, SIZE_MAX, START + 1000);
  assert_int_equal(input_deadline_left(&p, START + 1000), UINT64_C(1000) * 86400 * 365);
  input_deadline_begin(&p, 1000, UINT32_MAX, START);
  input_deadline_feed(&p, 1, START + 999);
  assert_int_equal(input_deadline_left(&p, START + 999), 1);
  assert_int_equal(input_deadline_left(&p, START + 1000), 0);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_line_has_one_span),
      cmocka_unit_test(test_our_time_does_not_count),
      cmocka_unit_test(test_silence),
      cmocka_unit_test(test_trickle),
      cmocka_unit_test(test_extremes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

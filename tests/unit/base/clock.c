/* Calendar windows, what an account used in them, and the formats of time. */
#include "base/clock.h"

#include "base/result.h"
#include "base/text/quantity.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define DAY INT64_C(86400)

#include "tests/unit/exact.h"

static int64_t at(const char *moment) {
  int64_t us = 0;
  if (moment_parse(moment, 0, &us) != OK) fail_msg("the test's own moment: %s", moment);
  return us;
}

static void test_windows(void **state) {
  (void)state;
  static const struct {
    enum window window;
    const char *now, *start, *end;
  } samples[] = {
      {WINDOW_SECOND, "2026-11-23T10:20:30.999Z", "2026-11-23 10:20:30", "2026-11-23 10:20:31"},
      {WINDOW_SECOND, "2026-12-31T23:59:59.999Z", "2026-12-31 23:59:59", "2027-01-01"},
      {WINDOW_MINUTE, "2026-11-23 10:20:59", "2026-11-23 10:20", "2026-11-23 10:21"},
      {WINDOW_MINUTE, "2026-11-23 10:20", "2026-11-23 10:20", "2026-11-23 10:21"},
      {WINDOW_HOUR, "2026-11-23 23:59:59", "2026-11-23 23:00", "2026-11-24"},
      {WINDOW_DAY, "2026-11-23", "2026-11-23", "2026-11-24"},
      {WINDOW_DAY, "2024-02-28 12:00", "2024-02-28", "2024-02-29"},
      {WINDOW_DAY, "2024-02-29 12:00", "2024-02-29", "2024-03-01"},
      {WINDOW_DAY, "2023-02-28 12:00", "2023-02-28", "2023-03-01"},
      {WINDOW_DAY, "2026-03-29 01:30", "2026-03-29", "2026-03-30"}, /* summer time begins elsewhere, not in UTC */
      {WINDOW_DAY, "2026-12-31T23:59:59.999Z", "2026-12-31", "2027-01-01"},
      {WINDOW_MONTH, "2026-11-01", "2026-11-01", "2026-12-01"},
      {WINDOW_MONTH, "2026-11-30T23:59:59.999Z", "2026-11-01", "2026-12-01"},
      {WINDOW_MONTH, "2026-12-31T23:59:59.999Z", "2026-12-01", "2027-01-01"},
      {WINDOW_MONTH, "2026-01-31", "2026-01-01", "2026-02-01"},
      {WINDOW_MONTH, "2024-02-29 23:59", "2024-02-01", "2024-03-01"},
      {WINDOW_MONTH, "2023-02-28 23:59", "2023-02-01", "2023-03-01"},
      {WINDOW_MONTH, "2000-02-29", "2000-02-01", "2000-03-01"},
      {WINDOW_MONTH, "2100-02-28 23:59", "2100-02-01", "2100-03-01"},
      {WINDOW_MONTH, "1969-12-31 23:59", "1969-12-01", "1970-01-01"},
      {WINDOW_DAY, "1969-12-31T23:59:59.999Z", "1969-12-31", "1970-01-01"},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    int64_t now = at(samples[i].now);
    if (window_start(samples[i].window, now) != at(samples[i].start)) fail_msg("start of %s", samples[i].now);
    if (window_end(samples[i].window, now) != at(samples[i].end)) fail_msg("end of %s", samples[i].now);
  }
}

/* Windows follow each other without a gap, for every day of forty years. */
static void test_windows_meet(void **state) {
  (void)state;
  for (int64_t now = at("2000-01-01"); now < at("2040-01-01"); now += 86399 * SECOND_US) {
    for (enum window w = 0; w < WINDOW_COUNT; w++) {
      int64_t start = window_start(w, now), end = window_end(w, now);
      assert_true(start <= now && now < end);
      assert_true(window_start(w, start) == start && window_start(w, end - 1) == start && window_start(w, end) == end);
    }
  }
}

static void test_names(void **state) {
  (void)state;
  static const char *const names[] = {"second", "minute", "hour", "day", "month"};
  static const char *const phrases[] = {"this second", "this minute", "this hour", "today", "this month"};
  for (enum window w = 0; w < WINDOW_COUNT; w++) {
    assert_string_equal(window_name(w), names[w]);
    assert_string_equal(window_phrase(w), phrases[w]);
  }
}

static void test_formats(void **state) {
  (void)state;
  char text[40];
  int64_t us = at("2026-11-03 01:02:03") + 45678;
  clock_format_minute(us, text, sizeof text);
  assert_string_equal(text, "2026-11-03 01:02 UTC");
  clock_format_iso(us, text, sizeof text);
  assert_string_equal(text, "2026-11-03T01:02:03.045Z");
  clock_format_rfc5322(us, text, sizeof text);
  assert_string_equal(text, "Tue, 3 Nov 2026 01:02:03 +0000");
  clock_format_iso(-1, text, sizeof text);
  assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

static void test_spans(void **state) {
  (void)state;
  static const struct {
    int64_t seconds;
    const char *text;
  } samples[] = {
      {-5, "now"},      {0, "now"},    {1, "1s"},        {45, "45s"},      {59, "59s"},
      {60, "1m"},       {61, "1m1s"},  {3599, "59m59s"}, {3600, "1h"},     {3605, "1h"},
      {11520, "3h12m"}, {86400, "1d"}, {86460, "1d"},    {187200, "2d4h"}, {86400 * 400, "400d"},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char text[40];
    clock_format_span(samples[i].seconds * SECOND_US, text, sizeof text);
    assert_string_equal(text, samples[i].text);
  }
}

static void test_clock(void **state) {
  (void)state;
  clock_set_for_tests(42);
  assert_int_equal(clock_now_us(), 42);
  clock_set_for_tests(0);
  assert_true(clock_now_us() > at("2024-01-01"));
  uint64_t before = clock_monotonic_ms();
  assert_true(clock_monotonic_ms() >= before);
}

/* Of any size, in any order; what a time server corrects is none. */
static void test_jumps(void **state) {
  (void)state;
  static const int64_t steps[] = {5 * 365 * DAY, -5 * 365 * DAY, -56 * 365 * DAY, 56 * 365 * DAY, 600, -3600};
  int64_t base = clock_now_us(), sum = 0;
  clock_set_for_tests(base);
  int64_t first = clock_jumps_us();
  for (size_t i = 0; i < COUNT_OF(steps); i++) {
    sum += steps[i] * SECOND_US;
    clock_set_for_tests(base + sum);
    for (int k = 0; k < 3; k++) { /* once each */
      int64_t off = clock_jumps_us() - first - sum;
      assert_true(off > -10 * SECOND_US && off < 10 * SECOND_US);
    }
  }
  int64_t before = clock_jumps_us();
  for (int i = 0; i < 30; i++) {
    clock_set_for_tests(base + sum + i * 60 * SECOND_US);
    assert_int_equal(clock_jumps_us(), before);
  }
  clock_set_for_tests(0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_windows), cmocka_unit_test(test_windows_meet), cmocka_unit_test(test_names),
      cmocka_unit_test(test_formats), cmocka_unit_test(test_spans),        cmocka_unit_test(test_clock),
      cmocka_unit_test(test_jumps),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

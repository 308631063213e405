/* Sizes, durations and moments as people type them. */
#include "base/text/quantity.h"
#include "base/clock.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define NOW (INT64_C(1795428000) * SECOND_US) /* 2026-11-23 10:00:00 UTC */
#define BAD INT64_MIN

static void test_sizes(void **state) {
  (void)state;
  static const struct {
    const char *in;
    int result;
    uint64_t value;
  } samples[] = {
      {"512", OK, 512},
      {"0", OK, 0},
      {"64K", OK, 65536},
      {"64k", OK, 65536},
      {"36M", OK, 36 * 1048576},
      {"2G", OK, UINT64_C(2) << 30},
      {"17179869183G", OK, UINT64_C(17179869183) << 30},
      {"17179869184G", E_SYNTAX, 0},
      {"18446744073709551615", OK, UINT64_MAX},
      {"18446744073709551616", E_SYNTAX, 0},
      {"", E_SYNTAX, 0},
      {"K", E_SYNTAX, 0},
      {"1KB", E_SYNTAX, 0},
      {"1T", E_SYNTAX, 0},
      {"-1", E_SYNTAX, 0},
      {"1 K", E_SYNTAX, 0},
      {"1.5M", E_SYNTAX, 0},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    uint64_t value = 0;
    if (size_parse(samples[i].in, &value) != samples[i].result || value != samples[i].value)
      fail_msg("\"%s\": %llu", samples[i].in, (unsigned long long)value);
  }
}

static void test_durations(void **state) {
  (void)state;
  static const struct {
    const char *in;
    int64_t seconds; /* -1: refused */
  } samples[] = {
      {"90s", 90},
      {"1m", 60},
      {"4h", 14400},
      {"5d", 432000},
      {"2w", 1209600},
      {"1h30m", 5400},
      {"0s", 0},
      {"36500d", INT64_C(3153600000)},
      {"36501d", -1},
      {"36500d1s", -1},
      {"99999999999999999999s", -1},
      {"30", -1},
      {"", -1},
      {"h", -1},
      {"1h30", -1},
      {"-1h", -1},
      {"1 h", -1},
      {"1y", -1},
      {"1.5h", -1},
      {"1H", -1},
      {"1h ", -1},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    int64_t us = -SECOND_US;
    int rc = duration_parse(samples[i].in, &us);
    if (rc != (samples[i].seconds < 0 ? E_SYNTAX : OK) || us != samples[i].seconds * SECOND_US)
      fail_msg("\"%s\": %lld", samples[i].in, (long long)us);
  }
}

static void test_moments(void **state) {
  (void)state;
  static const struct {
    const char *in;
    int64_t us;
  } samples[] = {
      {"2026-11-23", NOW - 36000 * SECOND_US},
      {"2026-11-23 10:20", NOW + 1200 * SECOND_US},
      {"2026-11-23 10:20:30", NOW + 1230 * SECOND_US},
      {"2026-11-23T10:20:30", NOW + 1230 * SECOND_US},
      {"2026-11-23T10:20:30Z", NOW + 1230 * SECOND_US},
      {"2026-11-23T10:20Z", NOW + 1200 * SECOND_US},
      {"2026-11-23T10:20:30.123Z", NOW + 1230 * SECOND_US + 123000},
      {"2026-11-23 10:20 UTC", NOW + 1200 * SECOND_US},
      {"1970-01-01", 0},
      {"2024-02-29", INT64_C(1709164800) * SECOND_US},
      {"2000-02-29", INT64_C(951782400) * SECOND_US},
      {"2h", NOW - 7200 * SECOND_US},
      {"1d12h", NOW - 129600 * SECOND_US},
      {"0s", NOW},
      {"2023-02-29", BAD},
      {"2100-02-29", BAD},
      {"2026-02-31", BAD},
      {"2026-00-10", BAD},
      {"2026-13-01", BAD},
      {"2026-11-00", BAD},
      {"2026-11-31", BAD},
      {"26-1-2", BAD},
      {"26-11-23", BAD},
      {"2026-1-2", BAD},
      {" 2026-11-23", BAD},
      {"2026-11-23 ", BAD},
      {"2026-11-23Z", BAD},
      {"2026-11-23 24:00", BAD},
      {"2026-11-23 10:60", BAD},
      {"2026-11-23 10:20:60", BAD},
      {"2026-11-23 10", BAD},
      {"2026-11-23 1:20", BAD},
      {"2026-11-23 10:20:30.1Z", BAD},
      {"2026-11-23 10:20 CET", BAD},
      {"2026-11-23T10:20:30+01:00", BAD},
      {"2026/11/23", BAD},
      {"yesterday", BAD},
      {"2", BAD},
      {"", BAD},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    int64_t us = BAD;
    int rc = moment_parse(samples[i].in, NOW, &us);
    if (rc != (samples[i].us == BAD ? E_SYNTAX : OK) || us != samples[i].us)
      fail_msg("\"%s\": %d %lld", samples[i].in, rc, (long long)us);
  }
}

/* What the program writes can be typed back. */
static void test_round_trip(void **state) {
  (void)state;
  char text[40];
  int64_t us;
  clock_format_iso(NOW + 61007000, text, sizeof text);
  assert_int_equal(moment_parse(text, 0, &us), OK);
  assert_true(us == NOW + 61007000);
  clock_format_minute(NOW + 61007000, text, sizeof text);
  assert_int_equal(moment_parse(text, 0, &us), OK);
  assert_true(us == NOW + 60 * SECOND_US);
}

static void test_sizes_are_written_as_they_are_read(void **state) {
  static const struct {
    uint64_t in;
    const char *out;
  } samples[] = {
      {0, "0"},
      {1023, "1023"},
      {1024, "1K"},
      {1536, "1.5K"},
      {1024 * 1024 - 1, "1023.9K"},
      {36ull << 20, "36M"},
      {(74ull << 30) + (100ull << 20), "74G"},
      {UINT64_MAX, "16777215.9T"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    char out[40];
    size_format(samples[i].in, out, sizeof out);
    assert_string_equal(out, samples[i].out);
  }
}

/* What people write for a time in the past; NOW is 2026-11-22 12:00 UTC. */
static void test_times(void **state) {
  (void)state;
  static const struct {
    const char *in, *out; /* NULL: E_SYNTAX */
  } samples[] = {
      {"today", "2026-11-22T00:00:00.000Z"},
      {"yesterday", "2026-11-21T00:00:00.000Z"},
      {"11:59", "2026-11-22T11:59:00.000Z"},
      {"12:00", "2026-11-22T12:00:00.000Z"},
      {"12:01", "2026-11-21T12:01:00.000Z"},
      {"00:00:30", "2026-11-22T00:00:30.000Z"},
      {"18:42 UTC", "2026-11-21T18:42:00.000Z"},
      {"2h", "2026-11-22T10:00:00.000Z"},
      {"2026-11-01", "2026-11-01T00:00:00.000Z"},
      {"2026-11-01T18:42", "2026-11-01T18:42:00.000Z"},
      {"Today", NULL},
      {"todays", NULL},
      {"24:00", NULL},
      {"1:00", NULL},
      {"18:60", NULL},
      {"tomorrow", NULL},
      {"", NULL},
  };
  int64_t now, us;
  assert_int_equal(moment_parse("2026-11-22 12:00", 0, &now), OK);
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    char out[40] = "";
    int rc = time_parse(samples[i].in, now, true, &us);
    if (rc == OK) clock_format_iso(us, out, sizeof out);
    if ((rc == OK) != (samples[i].out != NULL) || (rc == OK && strcmp(out, samples[i].out) != 0))
      fail_msg("%s: %d %s", samples[i].in, rc, out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes),
                                     cmocka_unit_test(test_durations),
                                     cmocka_unit_test(test_sizes_are_written_as_they_are_read),
                                     cmocka_unit_test(test_moments),
                                     cmocka_unit_test(test_times),
                                     cmocka_unit_test(test_round_trip)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

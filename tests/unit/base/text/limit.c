/* Limits as people type them. */
#include "base/text/limit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

static void test_good(void **state) {
  (void)state;
  static const struct {
    const char *in, *text;
    uint64_t count;
    enum limit_unit unit;
    bool per_message;
    enum window window;
    enum limit_action action;
  } samples[] = {
      {"60/minute", "60/minute", 60, LIMIT_MESSAGES, false, WINDOW_MINUTE, LIMIT_REJECT},
      {"5000/day", "5000/day", 5000, LIMIT_MESSAGES, false, WINDOW_DAY, LIMIT_REJECT},
      {"5000/day:reject", "5000/day", 5000, LIMIT_MESSAGES, false, WINDOW_DAY, LIMIT_REJECT},
      {"20000rcpt/month:defer", "20000rcpt/month:defer", 20000, LIMIT_RECIPIENTS, false, WINDOW_MONTH, LIMIT_DEFER},
      {"100rcpt/message", "100rcpt/message", 100, LIMIT_RECIPIENTS, true, WINDOW_SECOND, LIMIT_REJECT},
      {"100rcpt/message:defer", "100rcpt/message:defer", 100, LIMIT_RECIPIENTS, true, WINDOW_SECOND, LIMIT_DEFER},
      {"2/second:smooth", "2/second:smooth", 2, LIMIT_MESSAGES, false, WINDOW_SECOND, LIMIT_SMOOTH},
      {"64KB/message", "64KB/message", 65536, LIMIT_OCTETS, true, WINDOW_SECOND, LIMIT_REJECT},
      {"3MB/hour", "3MB/hour", 3 * 1048576, LIMIT_OCTETS, false, WINDOW_HOUR, LIMIT_REJECT},
      {"3mb/HOUR:Defer", "3MB/hour:defer", 3 * 1048576, LIMIT_OCTETS, false, WINDOW_HOUR, LIMIT_DEFER},
      {"007RCPT/Day", "7rcpt/day", 7, LIMIT_RECIPIENTS, false, WINDOW_DAY, LIMIT_REJECT},
      {"9223372036854775807rcpt/month:defer", "9223372036854775807rcpt/month:defer", INT64_MAX, LIMIT_RECIPIENTS, false,
       WINDOW_MONTH, LIMIT_DEFER},
      {"8796093022207MB/day", "8796093022207MB/day", INT64_C(8796093022207) * 1048576, LIMIT_OCTETS, false, WINDOW_DAY,
       LIMIT_REJECT},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct limit l, again;
    struct reason why = {""};
    if (limit_parse(samples[i].in, &l, &why) != OK) fail_msg("%s: %s", samples[i].in, why.text);
    assert_string_equal(l.text, samples[i].text);
    assert_true(l.count == samples[i].count);
    assert_int_equal(l.unit, samples[i].unit);
    assert_int_equal(l.per_message, samples[i].per_message);
    if (!l.per_message) assert_int_equal(l.window, samples[i].window);
    assert_int_equal(l.action, samples[i].action);
    assert_int_equal(limit_parse(l.text, &again, NULL), OK); /* the canonical form is its own */
    assert_string_equal(again.text, l.text);
    assert_true(again.count == l.count && again.unit == l.unit && again.action == l.action);
  }
}

static void test_bad(void **state) {
  (void)state;
  static const char *const samples[] = {
      "",
      "60",
      "/minute",
      "60/",
      "0/day",
      "-1/day",
      "+1/day",
      "1.5/day",
      "60 /minute",
      "60/ minute",
      " 60/minute",
      "60/minute ",
      "60/minutes",
      "60/week",
      "60/year",
      "60x/minute",
      "60GB/day",
      "60B/day",
      "rcpt/day",
      "60/minute:",
      "60/minute:drop",
      "60/minute:reject:defer",
      "60/minute/hour",
      "100/message",
      "100/message:defer",
      "100rcpt/message:smooth",
      "100rcpt/day:smooth",
      "1MB/second:smooth",
      "18446744073709551616/day",
      "18446744073709551615/day",
      "9007199254740993KB/day",
      "8796093022208MB/day",
      "none",
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct limit l;
    struct reason why = {""};
    if (limit_parse(samples[i], &l, &why) != E_SYNTAX) fail_msg("\"%s\" passes as %s", samples[i], l.text);
    if (!strchr(why.text, '/')) fail_msg("\"%s\": no example in: %s", samples[i], why.text);
    assert_int_equal(limit_parse(samples[i], &l, NULL), E_SYNTAX);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

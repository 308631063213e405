/* Names and days of TLS reports. */
#include "base/mail/tls_outcome.h"

#include "base/clock.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

/* As IANA has them: a receiver compares. */
static void test_names(void **state) {
  (void)state;
  static const char *const names[TLS_RESULT_COUNT] = {
      "success",
      "starttls-not-supported",
      "certificate-host-mismatch",
      "certificate-expired",
      "certificate-not-trusted",
      "validation-failure",
      "tlsa-invalid",
      "dnssec-invalid",
      "dane-required",
      "sts-policy-fetch-error",
      "sts-policy-invalid",
      "sts-webpki-invalid",
  };
  for (int i = 0; i < TLS_RESULT_COUNT; i++) assert_string_equal(tls_result_name((enum tls_result)i), names[i]);
  assert_string_equal(tls_policy_type_name(TLS_POLICY_NONE), "no-policy-found");
  assert_string_equal(tls_policy_type_name(TLS_POLICY_TLSA), "tlsa");
  assert_string_equal(tls_policy_type_name(TLS_POLICY_STS), "sts");
}

static void test_days(void **state) {
  (void)state;
  char text[TLS_DAY_TEXT];
  int64_t day;
  assert_int_equal(tls_day(0), 0);
  assert_int_equal(tls_day(-1), -1);
  assert_int_equal(tls_day(86400 * SECOND_US - 1), 0);
  assert_int_equal(tls_day(86400 * SECOND_US), 1);
  assert_int_equal(tls_day_parse("2026-11-27", &day), OK);
  tls_day_text(day, text);
  assert_string_equal(text, "2026-11-27");
  assert_int_equal(tls_day(tls_day_start_us(day)), day);
  assert_int_equal(tls_day(tls_day_start_us(day) - 1), day - 1);
  static const char *const bad[] = {"", "2026-02-30", "2026-11-271", "26-11-27", "2026/11/27", "today", "2026-1-27 "};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    if (tls_day_parse(bad[i], &day) == OK) fail_msg("%s", bad[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_days)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

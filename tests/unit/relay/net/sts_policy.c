/* MTA-STS policies (RFC 8461 3.2): what is one, and which hosts it names (4.1). */
#include "relay/net/sts_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define HEAD "version: STSv1\nmode: enforce\nmax_age: 604800\n"
#define GOOD HEAD "mx: mx.example.net\n"

static void test_good(void **state) {
  (void)state;
  static const struct {
    const char *text;
    enum sts_mode mode;
    uint32_t max_age;
    size_t mx, lines;
  } cases[] = {
      {GOOD, STS_MODE_ENFORCE, 604800, 1, 4},
      {"version: STSv1\r\nmode: testing\r\nmx: a.example\r\nmx: *.b.example\r\nmax_age: 1\r\n", STS_MODE_TESTING, 1, 2,
       5},
      {"version:STSv1\nmode:\tenforce \nmx:   a.example\t \nmax_age:31557600", STS_MODE_ENFORCE, 31557600, 1, 4},
      {"max_age: 0\nmode: none\nversion: STSv1", STS_MODE_NONE, 0, 0, 3},
      {"mode: none\nversion: STSv1\nmx: a.example\nmax_age: 5\n", STS_MODE_NONE, 5, 1, 4},
      {GOOD "a-field.of_theirs: x: y, z \xc3\xa9\n", STS_MODE_ENFORCE, 604800, 1, 5},    /* others are ignored */
      {GOOD "Mode: none\nMX: other.example\n", STS_MODE_ENFORCE, 604800, 1, 6},          /* case counts */
      {GOOD "mode: whatever\nmax_age: x\nversion: 2\n", STS_MODE_ENFORCE, 604800, 1, 7}, /* the first counts */
      {"\n" GOOD "\r\n\n \n", STS_MODE_ENFORCE, 604800, 1, 4},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sts_policy *p;
    struct reason why = {0};
    int rc = sts_policy_read(bytes_of(cases[i].text), &p, &why);
    if (rc != OK) fail_msg("case %zu: %s", i, why.text);
    assert_int_equal(p->mode, cases[i].mode);
    assert_int_equal(p->max_age, cases[i].max_age);
    assert_int_equal(p->mx_count, cases[i].mx);
    assert_int_equal(p->line_count, cases[i].lines);
    sts_policy_release(&p);
    assert_null(p);
  }
}

static void test_bad(void **state) {
  (void)state;
  static const struct {
    struct bytes text;
    const char *why;
  } cases[] = {
      {BYTES(""), "no version"},
      {BYTES("<html>"), "line 1"},
      {BYTES("mode: enforce\nmax_age: 1\nmx: a.example\n"), "no version"},
      {BYTES("version: STSv1\nmax_age: 1\nmx: a.example\n"), "no mode"},
      {BYTES("version: STSv1\nmode: enforce\nmx: a.example\n"), "no max_age"},
      {BYTES("version: STSv1\nmode: enforce\nmax_age: 1\n"), "no mx"},
      {BYTES("version: STSv1\nmode: testing\nmax_age: 1\n"), "no mx"},
      {BYTES("version: STSv2\nmode: none\nmax_age: 1\n"), "version"},
      {BYTES("version: stsv1\nmode: none\nmax_age: 1\n"), "version"},
      {BYTES("version: STSv1\nmode: Enforce\nmax_age: 1\nmx: a.example\n"), "mode"},
      {BYTES("version: STSv1\nmode: none\nmax_age: -1\n"), "max_age"},
      {BYTES("version: STSv1\nmode: none\nmax_age: 1d\n"), "max_age"},
      {BYTES("version: STSv1\nmode: none\nmax_age: 31557601\n"), "more than a year"},
      {BYTES("version: STSv1\nmode: none\nmax_age: 00000000001\n"), "max_age"},
      {BYTES("version: STSv1\nmode: none\nmax_age: 18446744073709551617\n"), "max_age"},
      {BYTES(HEAD "mx: *\n"), "an mx"},
      {BYTES(HEAD "mx: *.\n"), "an mx"},
      {BYTES(HEAD "mx: a.*.example\n"), "an mx"},
      {BYTES(HEAD "mx: *.*.example\n"), "an mx"},
      {BYTES(HEAD "mx: m*.example\n"), "an mx"},
      {BYTES(HEAD "mx: [192.0.2.1]\n"), "an mx"},
      {BYTES(HEAD "mx: a.example, b.example\n"), "an mx"},
      {BYTES(HEAD "mx: .example\n"), "an mx"},
      {BYTES(GOOD "no field\n"), "line 5"},
      {BYTES(GOOD "mx : b.example\n"), "line 5"},
      {BYTES(GOOD " mx: b.example\n"), "line 5"},
      {BYTES(GOOD ": x\n"), "line 5"},
      {BYTES(GOOD "empty:\n"), "line 5"},
      {BYTES(GOOD "empty: \t\n"), "line 5"},
      {BYTES(GOOD "a: \x01\n"), "line 5"},
      {BYTES(GOOD "a: b\0c\n"), "line 5"},
      {BYTES(GOOD "a: \xc3\n"), "line 5"},
      {BYTES(GOOD "a: b\rc: d\n"), "line 5"},
      {BYTES(GOOD "a12345678901234567890123456789012: x\n"), "line 5"},
      {BYTES("version: STSv1\r\rmode: none\rmax_age: 1\r"), "line 1"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sts_policy *p;
    struct reason why = {0};
    if (sts_policy_read(cases[i].text, &p, &why) != E_SYNTAX || p) fail_msg("case %zu", i);
    if (!strstr(why.text, cases[i].why)) fail_msg("case %zu: %s", i, why.text);
  }
}

static void test_too_large(void **state) {
  (void)state;
  struct sts_policy *p;
  struct reason why;
  struct buffer b;
  buffer_init(&b, 2 * STS_POLICY_MAX);
  assert_int_equal(buffer_addf(&b, "%s", GOOD), OK);
  while (b.len <= STS_POLICY_MAX) assert_int_equal(buffer_addf(&b, "a: %0500d\n", 1), OK);
  assert_int_equal(sts_policy_read(buffer_bytes(&b), &p, &why), E_TOO_BIG);
  b.len = 0;
  assert_int_equal(buffer_addf(&b, "%s", GOOD), OK);
  for (int i = 0; i < STS_LINES_MAX; i++) assert_int_equal(buffer_addf(&b, "\n"), OK);
  assert_int_equal(sts_policy_read(buffer_bytes(&b), &p, &why), E_TOO_BIG);
  assert_null(p);
  buffer_free(&b);
}

static void test_names(void **state) {
  (void)state;
  static const struct {
    const char *mx, *host;
    bool named;
  } cases[] = {
      {"mx.example.net", "mx.example.net", true},
      {"MX.Example.NET", "mx.example.net", true},
      {"mx.example.net", "MX.example.Net", true},
      {"mx.example.net", "mx.example.net.", true},
      {"mx.example.net", "other.example.net", false},
      {"mx.example.net", "a.mx.example.net", false},
      {"*.example.net", "mx.example.net", true},
      {"*.Example.net", "MX.EXAMPLE.NET", true},
      {"*.example.net", "example.net", false},
      {"*.example.net", "a.mx.example.net", false},
      {"*.example.net", "mx.notexample.net", false},
      {"*.example.net", ".example.net", false},
      {"*.net", "example.net", true},
      {"b\xc3\xbc"
       "cher.example",
       "xn--bcher-kva.example", true},
      {"*.b\xc3\xbc"
       "cher.example",
       "mx.xn--bcher-kva.example", true},
      {"xn--bcher-kva.example",
       "b\xc3\xbc"
       "cher.example",
       true},
      {"mx.example.net", "[192.0.2.1]", false},
      {"mx.example.net", "", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct sts_policy *p;
    struct reason why = {0};
    char text[300];
    snprintf(text, sizeof text, HEAD "mx: first.example\nmx: %s\n", cases[i].mx);
    if (sts_policy_read(bytes_of(text), &p, &why) != OK) fail_msg("case %zu: %s", i, why.text);
    if (sts_policy_names(p, cases[i].host) != cases[i].named) fail_msg("case %zu", i);
    assert_true(sts_policy_names(p, "first.example"));
    sts_policy_release(&p);
  }
}

static void test_lines(void **state) {
  (void)state;
  struct sts_policy *a, *b, *c;
  struct reason why;
  assert_int_equal(sts_policy_read(bytes_of(GOOD), &a, &why), OK);
  assert_int_equal(
      sts_policy_read(bytes_of("version: STSv1\r\nmode: enforce\r\nmax_age: 604800 \r\nmx: mx.example.net"), &b, &why),
      OK);
  assert_int_equal(sts_policy_read(bytes_of(GOOD "mx: another.example\n"), &c, &why), OK);
  assert_string_equal(a->lines[1], "mode: enforce");
  assert_string_equal(b->lines[3], "mx: mx.example.net");
  assert_true(sts_policy_same(a, b) && !sts_policy_same(a, c) && !sts_policy_same(a, NULL));
  assert_true(sts_policy_same(NULL, NULL));
  struct sts_policy *held = sts_policy_hold(a);
  sts_policy_release(&a);
  assert_string_equal(held->mx[0], "mx.example.net");
  sts_policy_release(&held);
  sts_policy_release(&b);
  sts_policy_release(&c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_good),  cmocka_unit_test(test_bad),   cmocka_unit_test(test_too_large),
      cmocka_unit_test(test_names), cmocka_unit_test(test_lines),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

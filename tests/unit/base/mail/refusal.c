/* How a refusal is made, and a rule's numbers as the log keeps them. */
#include "base/mail/refusal.h"

#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void test_first_stands(void **state) {
  (void)state;
  struct refusal r = {0};
  assert_false(is_refused(&r));
  assert_int_equal(refuse(&r, 550, "5.6.0", RULE_HEADER, "%zu fields", (size_t)2), E_DENIED);
  assert_true(is_refused(&r));
  assert_int_equal(refuse(&r, 552, "5.3.4", RULE_SIZE, "too large"), E_DENIED);
  assert_int_equal(r.code, 550);
  assert_string_equal(r.enhanced, "5.6.0");
  assert_string_equal(r.rule, RULE_HEADER);
  assert_string_equal(r.text, "2 fields");
  assert_string_equal(r.about, "");
  assert_string_equal(r.numbers, "");
}

/* A stranger's words may be of any length. */
static void test_room(void **state) {
  (void)state;
  char word[2 * REFUSAL_TEXT];
  memset(word, 'x', sizeof word - 1);
  word[sizeof word - 1] = '\0';
  struct refusal r = {0};
  refuse(&r, 550, "5.6.0", RULE_HEADER, "%s", word);
  refusal_about(&r, word);
  assert_int_equal(strlen(r.text), sizeof r.text - 1);
  assert_int_equal(strlen(r.about), sizeof r.about - 1);
}

static void test_numbers(void **state) {
  (void)state;
  char numbers[NUMBERS_TEXT] = "", name[32];
  const char *at = NULL;
  int64_t value;
  assert_int_equal(numbers_next(numbers, &at, name, &value), 0);
  numbers_add(numbers, "used", 5000);
  numbers_add(numbers, "left", -1);
  numbers_add(numbers, "most", INT64_MAX);
  assert_string_equal(numbers, "used=5000 left=-1 most=9223372036854775807");
  at = NULL;
  assert_int_equal(numbers_next(numbers, &at, name, &value), 1);
  assert_string_equal(name, "used");
  assert_int_equal(value, 5000);
  assert_int_equal(numbers_next(numbers, &at, name, &value), 1);
  assert_string_equal(name, "left");
  assert_int_equal(value, -1);
  assert_int_equal(numbers_next(numbers, &at, name, &value), 1);
  assert_true(value == INT64_MAX);
  assert_int_equal(numbers_next(numbers, &at, name, &value), 0);
  numbers_set(numbers, "left", 3);
  assert_string_equal(numbers, "used=5000 most=9223372036854775807 left=3");
  numbers_set(numbers, "lef", 4);
  assert_string_equal(numbers, "used=5000 most=9223372036854775807 left=3 lef=4");
}

/* What finds no room is left out, whole. */
static void test_numbers_room(void **state) {
  (void)state;
  char numbers[NUMBERS_TEXT] = "", name[32];
  const char *at = NULL;
  int64_t value, count = 0;
  for (int64_t i = 0; i < 100; i++) numbers_add(numbers, "n", INT64_C(1000000) + i);
  while (numbers_next(numbers, &at, name, &value)) assert_true(value == 1000000 + count++);
  assert_true(count > 10 && count < 100);
  assert_int_equal(*at, '\0');
}

/* A log that somebody else wrote. */
static void test_numbers_malformed(void **state) {
  (void)state;
  static const char *const bad[] = {"=1",   "a", "a=",    "a=x",
                                    "a=1x", " ", "a b=1", "name-of-thirty-two-octets-or-more=1"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const char *at = NULL;
    char name[32];
    int64_t value;
    if (numbers_next(bad[i], &at, name, &value)) fail_msg("\"%s\": %s=%" PRId64, bad[i], name, value);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_first_stands),      cmocka_unit_test(test_room),
      cmocka_unit_test(test_numbers),           cmocka_unit_test(test_numbers_room),
      cmocka_unit_test(test_numbers_malformed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Text without case, and patterns in it. */
#include "base/text/text_fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void folds(void **state) {
  static const struct {
    const char *in, *out;
  } samples[] = {
      {"", ""},
      {"Order 123", "order 123"},
      {"GR\xc3\x9cSSE", "gr\xc3\xbcsse"},
      {"gr\xc3\xbc\xc3\x9f"
       "e",
       "gr\xc3\xbcsse"},
      {"u\xcc\x88", "\xc3\xbc"},                /* in two code points */
      {"\xce\xa3\xcf\x82", "\xcf\x83\xcf\x83"}, /* sigmas */
      {"\xef\xbc\xa1", "a"},                    /* full width */
      {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
      {"\xf0\x9d\x90\x92\xf0\x9d\x90\x80", "sa"}, /* mathematical bold capitals */
      {"\xe2\x84\xa1", "tel"},                    /* one sign */
      {"A\xfc", "a\xfc"},                         /* no UTF-8 */
  };
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    char out[64];
    assert_int_equal(text_fold(samples[i].in, out, sizeof out), strlen(samples[i].out));
    assert_string_equal(out, samples[i].out);
  }
}

static void cuts_behind_a_character(void **state) {
  char out[4];
  (void)state;
  assert_int_equal(text_fold("ab\xc3\x9c", out, sizeof out), 2);
  assert_int_equal(text_fold("\xc3\x9c\xc3\x9c", out, sizeof out), 2);
  assert_int_equal(text_fold("abcdef", out, sizeof out), 3);
  assert_int_equal(text_fold("\xc3\x9c", out, 1), 0);
}

static void matches(void **state) {
  static const struct {
    const char *text, *pattern;
    bool whole, part;
  } samples[] = {
      {"abc", "abc", true, true},    {"abc", "b", false, true},
      {"abc", "", false, true},      {"", "", true, true},
      {"abc", "*", true, true},      {"abc", "a*c", true, true},
      {"abc", "a*b", false, true},   {"abc", "*c", true, true},
      {"abc", "c*", false, true},    {"abc", "x", false, false},
      {"abc", "c*a", false, false},  {"aab", "*ab", true, true},
      {"abab", "a*ab", true, true},  {"aba", "ab*ba", false, false},
      {"a*b", "a*b", true, true},    {"abcabc", "**b**", true, true},
      {"a%b", "a%b", true, true},    {"axb", "a_b", false, false},
      {"abc", "abcd", false, false}, {"", "*", true, true},
      {"", "a", false, false},
  };
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    bool whole = text_matches(samples[i].text, samples[i].pattern, true);
    bool part = text_matches(samples[i].text, samples[i].pattern, false);
    if (whole != samples[i].whole || part != samples[i].part)
      fail_msg("%s in %s: %d %d", samples[i].pattern, samples[i].text, whole, part);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(folds), cmocka_unit_test(cuts_behind_a_character),
                                     cmocka_unit_test(matches)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

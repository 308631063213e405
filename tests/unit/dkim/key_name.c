#include "dkim/key_name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOVEMBER 1795000000LL /* 2026-11-18 */

static void test_names(void **state) {
  (void)state;
  char out[KEY_NAME_MAX], name[260];
  assert_int_equal(key_name("s1", "example.com", out), OK);
  assert_string_equal(out, "s1._domainkey.example.com");
  assert_int_equal(key_record_name("s1", "example.com", "", out), OK);
  assert_string_equal(out, "s1._domainkey.example.com");
  assert_int_equal(key_record_name("sendoff-r1", "example.com", "dkim.example.net", out), OK);
  assert_string_equal(out, "sendoff-r1.example.com.dkim.example.net");
  assert_int_equal(key_record_name("s202611r", "example.com", "dkim.example.net", out), OK);
  assert_string_equal(out, "s202611r._domainkey.example.com"); /* from before it was delegated */
  memset(name, 'a', sizeof name);
  name[239] = '\0';
  assert_int_equal(key_name("s1", name, out), OK); /* 253 octets, as DNS has them at most */
  name[239] = 'a', name[240] = '\0';
  assert_int_equal(key_name("s1", name, out), E_TOO_BIG);
}

static bool is_taken(void *arg, const char *selector) {
  return strstr(arg, selector) != NULL;
}

static void test_new_selectors(void **state) {
  (void)state;
  char out[SELECTOR_MAX + 1], none[] = "", one[] = "s202611r.", two[] = "s202611r. s202611r2.";
  assert_int_equal(selector_make(KEY_RSA, NOVEMBER, is_taken, none, out), OK);
  assert_string_equal(out, "s202611r");
  assert_int_equal(selector_make(KEY_ED25519, NOVEMBER, is_taken, none, out), OK);
  assert_string_equal(out, "s202611e");
  assert_int_equal(selector_make(KEY_RSA, NOVEMBER, is_taken, one, out), OK);
  assert_string_equal(out, "s202611r2");
  assert_int_equal(selector_make(KEY_RSA, NOVEMBER, is_taken, two, out), OK);
  assert_string_equal(out, "s202611r3");
}

static bool all_taken(void *arg, const char *selector) {
  (void)arg, (void)selector;
  return true;
}

static void test_no_selector_is_free(void **state) {
  (void)state;
  char out[SELECTOR_MAX + 1];
  assert_int_equal(selector_make(KEY_RSA, NOVEMBER, all_taken, NULL, out), E_EXISTS);
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_new_selectors),
                                            cmocka_unit_test(test_no_selector_is_free)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

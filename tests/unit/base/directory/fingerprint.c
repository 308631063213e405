#include "base/directory/fingerprint.h"

#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define PLAIN "00ff10abcdef0123456789abcdef0123456789abcdef0123456789abcdef0102"
#define COLONS "00:FF:10:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:02"

static void test_forms_that_tools_print(void **state) {
  static const char *const forms[] = {PLAIN, COLONS, "sha256:" PLAIN, "SHA256 Fingerprint=" COLONS,
                                      "sha256 Fingerprint=" COLONS};
  (void)state;
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
    struct fingerprint f;
    char text[FINGERPRINT_TEXT];
    assert_int_equal(fingerprint_parse(forms[i], &f), OK);
    assert_int_equal(f.sha256[1], 0xff);
    fingerprint_format(&f, text);
    assert_string_equal(text, PLAIN);
  }
}

static void test_what_is_none(void **state) {
  static const char *const none[] = {
      "",         "00",       PLAIN "00",   PLAIN ":", ":" PLAIN, "sha1:" PLAIN,         "x" PLAIN,
      "0g" PLAIN, COLONS ":", COLONS ":00", " " PLAIN, PLAIN " ", "sha256:sha256:" PLAIN};
  (void)state;
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    struct fingerprint f;
    assert_int_equal(fingerprint_parse(none[i], &f), E_SYNTAX);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_forms_that_tools_print),
      cmocka_unit_test(test_what_is_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "relay/smtp/ehlo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* last: it has a macro named fail */

static void test_auth(void **state) {
  static const struct {
    const char *line;
    bool auth;
    unsigned mechanisms;
  } cases[] = {
      {"AUTH PLAIN LOGIN", true, EHLO_PLAIN | EHLO_LOGIN},
      {"auth plain", true, EHLO_PLAIN},
      {"AUTH=PLAIN LOGIN", true, EHLO_PLAIN | EHLO_LOGIN},
      {"AUTH  SCRAM-SHA-256-PLUS   SCRAM-SHA-256 ", true, EHLO_SCRAM_SHA_256_PLUS | EHLO_SCRAM_SHA_256},
      {"AUTH SCRAM-SHA-1 SCRAM-SHA-1-PLUS GSSAPI CRAM-MD5", true, EHLO_SCRAM_SHA_1 | EHLO_SCRAM_SHA_1_PLUS},
      {"AUTH LOGIN XOAUTH2 OAUTHBEARER", true, EHLO_LOGIN | EHLO_XOAUTH2 | EHLO_OAUTHBEARER},
      {"AUTH", true, 0},
      {"AUTH=", true, 0},
      {"AUTHENTICATE PLAIN", false, 0},
      {"X-AUTH PLAIN", false, 0},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct ehlo e = {0};
    ehlo_line(&e, 1, bytes_of(cases[i].line));
    if (e.auth != cases[i].auth || e.mechanisms != cases[i].mechanisms)
      fail_msg("%s: %d, %x", cases[i].line, e.auth, e.mechanisms);
  }
}

/* Both spellings, as some servers offer them. */
static void test_two_lines(void **state) {
  struct ehlo e = {0};
  (void)state;
  ehlo_line(&e, 0, BYTES("AUTH PLAIN")); /* the server's name */
  assert_false(e.auth);
  ehlo_line(&e, 1, BYTES("AUTH LOGIN"));
  ehlo_line(&e, 2, BYTES("AUTH=PLAIN"));
  ehlo_line(&e, 3, BYTES("SIZE 1000"));
  assert_int_equal(e.mechanisms, EHLO_LOGIN | EHLO_PLAIN);
  assert_int_equal(e.size_max, 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_auth), cmocka_unit_test(test_two_lines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

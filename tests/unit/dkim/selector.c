/* What may stand before ._domainkey. */
#include "dkim/selector.h"
#include "tests/unit/folder.h"

#include <string.h>

#define L63 "a23456789012345678901234567890123456789012345678901234567890123"

static void test_selectors(void **state) {
  (void)state;
  static const struct {
    const char *typed, *becomes; /* NULL: refused */
  } cases[] = {
      {"mail", "mail"},
      {"S202611R", "s202611r"},
      {"2026", "2026"},
      {"a.b-c.d", "a.b-c.d"},
      {"a--b", "a--b"},
      {L63, L63},
      {L63 "4", NULL},
      {"", NULL},
      {".", NULL},
      {"a.", NULL},
      {".a", NULL},
      {"a..b", NULL},
      {"-a", NULL},
      {"a-", NULL},
      {"a.-b", NULL},
      {"under_s", NULL},
      {"a b", NULL},
      {"a;b", NULL},
      {"a*", NULL},
      {"b\xc3\xbc"
       "c",
       NULL},
      {"a\nb", NULL},
      {"a\"b", NULL},
      {"a\\b", NULL},
      {"a/b", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char out[SELECTOR_MAX + 1];
    struct reason why = {""};
    int rc = selector_normalize(bytes_of(cases[i].typed), "example.com", out, &why);
    if (rc != (cases[i].becomes ? OK : E_SYNTAX)) fail_msg("%s: %d %s", cases[i].typed, rc, why.text);
    if (rc == OK) assert_string_equal(out, cases[i].becomes);
    if (rc != OK) assert_non_null(strstr(why.text, "RFC 6376 3.1"));
  }
}

/* The name as a whole has 253 octets at most, 12 of them "._domainkey.". */
static void test_length(void **state) {
  (void)state;
  char out[SELECTOR_MAX + 1], domain[256];
  struct reason why;
  memset(domain, 'd', sizeof domain);
  domain[253 - 12 - 3] = '\0';
  assert_int_equal(selector_normalize(BYTES("abc"), domain, out, &why), OK);
  assert_int_equal(selector_normalize(BYTES("abcd"), domain, out, &why), E_TOO_BIG);
  assert_int_equal(selector_normalize(BYTES(L63 "." L63 "." L63 "." L63), "e.org", out, &why), E_TOO_BIG);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_selectors), cmocka_unit_test(test_length)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

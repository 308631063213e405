/* Domains that read as what they are, and those that do not. */
#include "base/address/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

static void test_plain(void **state) {
  (void)state;
  static const char *const samples[] = {
      "example.com",
      "EXAMPLE.com",
      "example.com.",
      "xn--bcher-kva.example",
      "b\303\274cher.example",
      "b\303\274cher.xn--bcher-kva.example", /* an A-label beside a U-label */
      "b\303\274cher.example.",
      "B\303\234CHER.Example",
      "fa\303\237.example",
      "\305\201\303\223D\305\271.example",                                /* ŁÓDŹ */
      "\320\237\320\240\320\230\320\234\320\225\320\240.example",         /* ПРИМЕР */
      "\316\240\316\221\316\241\316\221\316\224\316\225\316\231.example", /* Greek capitals */
      "\344\276\213\345\255\220.\345\271\277\345\221\212",                /* Chinese */
      "\330\247\331\204\330\263\330\271\331\210\330\257\331\212\330\251", /* Arabic */
      "\340\244\225\340\245\215\342\200\215\340\244\267.example",         /* a joiner where it belongs (RFC 5892 A.2) */
      "ex\320\260mple.com", /* Cyrillic a: another domain, and written so */
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold;
    if (!domain_is_plain(exact_copy(bytes_of(samples[i]), &hold))) fail_msg("%s", samples[i]);
    free(hold);
  }
}

static void test_not_plain(void **state) {
  (void)state;
  static const char *const samples[] = {
      "\357\275\205xample.com", /* a full-width letter */
      "\357\274\245xample.com", /* a capital one */
      "example\357\274\216com", /* full-width, ideographic and half-width full stops */
      "example\343\200\202com",
      "example\357\275\241com",
      "exam\342\200\213ple.com", /* zero-width space, word joiner, soft hyphen, a byte-order mark */
      "exam\342\201\240ple.com",
      "exam\302\255ple.com",
      "\357\273\277example.com",
      "\360\235\220\236xample.com",         /* a mathematical letter */
      "\342\223\224xample.com",             /* a letter in a circle */
      "\342\204\252elvin.example",          /* the Kelvin sign */
      "\306\216xample\342\205\240.example", /* a Roman numeral */
      "bu\314\210cher.example",             /* not in NFC */
      "\357\275\266\357\276\236.example",   /* half-width kana */
      "b\303\274cher\357\274\216example",
      "b\303\274cher.\357\275\205xample",
      "\357\274\216example.com",
      "exampl\342\222\232\303\251.com",
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char *hold;
    if (domain_is_plain(exact_copy(bytes_of(samples[i]), &hold))) fail_msg("%zu: %s", i, samples[i]);
    free(hold);
  }
}

/* Whatever is plain means itself: its A-labels are plain, too, and the same domain. */
static void test_plain_means_itself(void **state) {
  (void)state;
  char label[32] = "a", a[DOMAIN_MAX + 1], b[DOMAIN_MAX + 1];
  for (unsigned c = 0x80; c < 0x800; c++) {
    label[1] = (char)(0xc0 | c >> 6);
    label[2] = (char)(0x80 | (c & 0x3f));
    memcpy(label + 3, ".example", 9);
    if (!domain_is_plain(bytes_of(label))) continue;
    assert_int_equal(domain_normalize(bytes_of(label), a), 0);
    assert_true(strncmp(a, "xn--", 4) == 0); /* never ASCII that it is not */
    assert_true(domain_is_plain(bytes_of(a)));
    assert_int_equal(domain_normalize(bytes_of(a), b), 0);
    assert_string_equal(a, b);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_plain),
      cmocka_unit_test(test_not_plain),
      cmocka_unit_test(test_plain_means_itself),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How a delivery was protected, as numbers among others. */
#include "base/mail/tls_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void test_there_and_back(void **state) {
  (void)state;
  static const struct {
    struct tls_facts facts;
    const char *numbers;
  } cases[] = {
      {{13, TLS_BY_DANE, 2, 311}, "attempt=2 tls=13 cipher=2 verified=2 tlsa=311"},
      {{13, TLS_BY_DANE}, "attempt=2 tls=13 verified=2"},
      {{12, TLS_BY_CA}, "attempt=2 tls=12 verified=1"},
      {{13, TLS_BY_CA, 2, 0, true}, "attempt=2 tls=13 cipher=2 verified=1 mta_sts=1"},
      {{12, TLS_UNVERIFIED}, "attempt=2 tls=12 verified=0"},
      {{0, TLS_UNVERIFIED}, "attempt=2 tls=0"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char numbers[NUMBERS_TEXT] = "attempt=2";
    struct tls_facts back;
    tls_facts_add(numbers, &cases[i].facts);
    assert_string_equal(numbers, cases[i].numbers);
    assert_true(tls_facts_read(numbers, &back));
    assert_int_equal(back.version, cases[i].facts.version);
    assert_int_equal(back.proof, cases[i].facts.proof);
    assert_int_equal(back.cipher, cases[i].facts.cipher);
    assert_int_equal(back.tlsa, cases[i].facts.tlsa);
    assert_int_equal(back.sts, cases[i].facts.sts);
  }
}

/* What other versions write, or nobody. */
static void test_what_says_nothing(void **state) {
  (void)state;
  static const char *const none[] = {"", "attempt=1", "verified=1", "tls", "tls=", "tls=-1", "tls=100", "tls=x"};
  struct tls_facts f;
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
    if (tls_facts_read(none[i], &f)) fail_msg("%s", none[i]);
  assert_true(tls_facts_read("tls=13 verified=77 cipher=99 tlsa=999", &f));
  assert_int_equal(f.proof, TLS_UNVERIFIED);
  assert_true(f.cipher == 0 && f.tlsa == 0);
}

static void test_names(void **state) {
  (void)state;
  assert_string_equal(tls_version_name(0), "none");
  assert_string_equal(tls_version_name(13), "TLSv1.3");
  assert_string_equal(tls_version_name(99), "TLS");
  for (int proof = TLS_UNVERIFIED; proof <= TLS_BY_DANE; proof++)
    assert_true(*tls_proof_name((enum tls_proof)proof) && *tls_proof_phrase((enum tls_proof)proof));
  assert_true(tls_facts_owns("tls") && tls_facts_owns("verified") && !tls_facts_owns("attempt"));
  assert_true(tls_facts_owns("cipher") && tls_facts_owns("tlsa") && tls_facts_owns("mta_sts"));
  assert_string_equal(tls_cipher_name(tls_cipher_of("CHACHA20-POLY1305")), "CHACHA20-POLY1305");
  assert_true(tls_cipher_of("NULL") == 0 && tls_cipher_of(NULL) == 0 && !*tls_cipher_name(99));
}

static void test_texts(void **state) {
  (void)state;
  static const struct {
    struct tls_facts facts;
    const char *text;
  } cases[] = {
      {{13, TLS_BY_DANE, 2, 311}, "TLSv1.3 AES-256-GCM, verified by DANE (3 1 1)"},
      {{13, TLS_BY_DANE}, "TLSv1.3, verified by DANE"},
      {{12, TLS_BY_CA, 3}, "TLSv1.2 CHACHA20-POLY1305, verified by a CA"},
      {{13, TLS_BY_CA, 2, 0, true}, "TLSv1.3 AES-256-GCM, verified by a CA (MTA-STS)"},
      {{12, TLS_UNVERIFIED, 0, 311}, "TLSv1.2, not verified"},
      {{0, TLS_UNVERIFIED}, "none"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char text[TLS_FACTS_TEXT];
    tls_facts_text(&cases[i].facts, text);
    assert_string_equal(text, cases[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_and_back),
      cmocka_unit_test(test_what_says_nothing),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_texts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SCRAM-SHA-256 verifiers, against the exchange that RFC 7677 3 publishes. */
#include "relay/submission/auth/password.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#define NONCE "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
#define SIGNATURE "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
/* RFC 5802 3: client-first-message-bare, server-first-message, client-final-message-without-proof */
#define AUTH_MESSAGE "n=user,r=rOprNGfwEbeRWgbNEkqO,r=" NONCE ",s=" SALT ",i=4096,c=biws,r=" NONCE

static void decode(const char *base64, unsigned char *out, size_t size) {
  gnutls_datum_t text = {(unsigned char *)base64, (unsigned)strlen(base64)}, data;
  assert_int_equal(gnutls_base64_decode2(&text, &data), 0);
  assert_int_equal(data.size, size);
  memcpy(out, data.data, size);
  gnutls_free(data.data);
}

static void sign(const unsigned char key[32], unsigned char out[32]) {
  assert_int_equal(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, 32, AUTH_MESSAGE, strlen(AUTH_MESSAGE), out), 0);
}

static void test_published_exchange(void **state) {
  (void)state;
  struct scram_verifier v = {.iterations = 4096};
  unsigned char proof[32], signature[32], mine[32], hash[32];
  decode(SALT, v.salt, sizeof v.salt);
  decode(PROOF, proof, sizeof proof);
  decode(SIGNATURE, signature, sizeof signature);
  assert_int_equal(password_derive(BYTES("pencil"), &v), OK);
  sign(v.server_key, mine);
  assert_memory_equal(mine, signature, sizeof mine);
  /* ClientKey = ClientProof XOR ClientSignature, StoredKey = H(ClientKey) */
  sign(v.stored_key, mine);
  for (size_t i = 0; i < sizeof mine; i++) mine[i] ^= proof[i];
  assert_int_equal(gnutls_hash_fast(GNUTLS_DIG_SHA256, mine, sizeof mine, hash), 0);
  assert_memory_equal(hash, v.stored_key, sizeof hash);
  assert_true(password_matches(BYTES("pencil"), &v));
  assert_false(password_matches(BYTES("pencils"), &v));
}

static void test_fresh_salt(void **state) {
  (void)state;
  struct scram_verifier a, b;
  assert_int_equal(password_verifier(BYTES("correct horse"), 4096, &a), OK);
  assert_int_equal(password_verifier(BYTES("correct horse"), 4096, &b), OK);
  assert_int_equal(a.iterations, 4096);
  assert_memory_not_equal(a.salt, b.salt, sizeof a.salt);
  assert_memory_not_equal(a.stored_key, b.stored_key, sizeof a.stored_key);
  assert_true(password_matches(BYTES("correct horse"), &a));
  assert_true(password_matches(BYTES("correct horse"), &b));
}

/* What is derived depends on the salt, the iterations and each octet. */
static void test_no_match(void **state) {
  (void)state;
  static const struct {
    struct bytes typed;
  } wrong[] = {{BYTES("")},
               {BYTES("correct horsf")},
               {BYTES("correct hors")},
               {BYTES("correct horse ")},
               {BYTES("Correct horse")},
               {BYTES("correct horse\0")},
               {BYTES("correct\xff")}};
  struct scram_verifier v, other;
  assert_int_equal(password_verifier(BYTES("correct horse"), 4096, &v), OK);
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) assert_false(password_matches(wrong[i].typed, &v));
  other = v;
  other.salt[15] ^= 1;
  assert_false(password_matches(BYTES("correct horse"), &other));
  other = v;
  other.iterations++;
  assert_false(password_matches(BYTES("correct horse"), &other));
}

/* RFC 4013 3: the examples. */
static void test_saslprep(void **state) {
  (void)state;
  static const struct {
    struct bytes chosen, typed;
    int result;
  } table[] = {
      {BYTES("I\xc2\xadX"), BYTES("IX"), OK},        /* soft hyphen mapped to nothing */
      {BYTES("\xe2\x85\xa8"), BYTES("IX"), OK},      /* ROMAN NUMERAL NINE */
      {BYTES("\xc2\xaa"), BYTES("a"), OK},           /* FEMININE ORDINAL INDICATOR */
      {BYTES("user"), BYTES("user"), OK},            /* no change */
      {BYTES("\x07"), BYTES("\x07"), E_SYNTAX},      /* prohibited */
      {BYTES("\xd8\xa7\x31"), BYTES("1"), E_SYNTAX}, /* bidirectional check */
      {BYTES("a\0b"), BYTES("a"), E_SYNTAX},
      {BYTES("\xff"), BYTES("?"), E_SYNTAX}, /* no UTF-8 */
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct scram_verifier v;
    assert_int_equal(password_verifier(table[i].chosen, 4096, &v), table[i].result);
    if (table[i].result == OK) assert_true(password_matches(table[i].typed, &v));
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_published_exchange),
      cmocka_unit_test(test_fresh_salt),
      cmocka_unit_test(test_no_match),
      cmocka_unit_test(test_saslprep),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

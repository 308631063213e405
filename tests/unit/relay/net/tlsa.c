/* TLSA records: which can be matched, and which are there only to say that there is TLS. */
#include "relay/net/tlsa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define D16 "0123456789abcdef"
#define D32 D16 D16
#define D64 D32 D32

/* `expected`: the usable ones' numbers, in order. */
static void check(const struct bytes *rdata, size_t count, const unsigned *expected, size_t usable) {
  struct dns_record records[TLSA_RECORDS_MAX + 10];
  for (size_t i = 0; i < count; i++) records[i].data = rdata[i];
  struct dns_answer answer = {.status = DNS_FOUND, .count = count, .records = records};
  struct tlsa_set *s = tlsa_set_read(&answer);
  assert_non_null(s);
  assert_int_equal(s->count, usable);
  assert_int_equal(s->count + s->unusable, count);
  for (size_t i = 0; i < usable; i++) assert_int_equal(tlsa_number(&s->records[i]), expected[i]);
  free(s);
}

static void test_usable(void **state) {
  (void)state;
  static const struct {
    struct bytes rdata;
    unsigned number;
  } cases[] = {
      {BYTES("\3\1\1" D32), 311},           {BYTES("\3\0\1" D32), 301},
      {BYTES("\2\0\1" D32), 201},           {BYTES("\2\1\1" D32), 211},
      {BYTES("\3\1\2" D64), 312},           {BYTES("\2\0\2" D64), 202},
      {BYTES("\3\1\0\x30\2ab"), 310},       {BYTES("\2\0\0\x30\x81\1a"), 200},
      {BYTES("\3\0\0\x30\x82\0\2ab"), 300}, {BYTES("\3\1\0\x30\x83\0\0\1a"), 310},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check(&cases[i].rdata, 1, &cases[i].number, 1);
}

static void test_unusable(void **state) {
  (void)state;
  static const struct bytes cases[] = {
      BYTES(""),
      BYTES("\3"),
      BYTES("\3\1\1"),       /* no data */
      BYTES("\0\1\1" D32),   /* PKIX-TA (RFC 7672 3.1.3) */
      BYTES("\1\1\1" D32),   /* PKIX-EE */
      BYTES("\4\1\1" D32),   /* not assigned */
      BYTES("\xff\1\1" D32), /* PrivCert */
      BYTES("\3\2\1" D32),   /* selector */
      BYTES("\3\xff\1" D32),
      BYTES("\3\1\3" D32), /* matching type */
      BYTES("\3\1\xff" D32),
      BYTES("\3\1\1" D32 "x"), /* digests of another length */
      BYTES("\3\1\1" D16),
      BYTES("\3\1\2" D32),
      BYTES("\3\1\1" D64),
      BYTES("\3\1\0" D32),      /* no DER */
      BYTES("\3\1\0\x30\2a"),   /* cut */
      BYTES("\3\1\0\x30\2abc"), /* more behind it */
      BYTES("\3\1\0\x30"),
      BYTES("\3\1\0\x30\x80\0\0"),      /* of no length (BER) */
      BYTES("\3\1\0\x30\x84\0\0\0\1a"), /* larger than any answer */
      BYTES("\3\1\0\x30\x82\1"),
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) check(&cases[i], 1, NULL, 0);
}

/* RFC 7671 9. */
static void test_the_strongest_digest_counts(void **state) {
  (void)state;
  static const struct bytes both[] = {BYTES("\3\1\1" D32), BYTES("\3\1\2" D64),    BYTES("\3\0\1" D32),
                                      BYTES("\2\1\1" D32), BYTES("\3\1\0\x30\1a"), BYTES("\3\1\2" D64)};
  static const unsigned left[] = {312, 301, 211, 310, 312};
  check(both, 6, left, 5);
  static const struct bytes broken[] = {BYTES("\3\1\1" D32), BYTES("\3\1\2" D32)}; /* an unusable one weighs nothing */
  static const unsigned weaker[] = {311};
  check(broken, 2, weaker, 1);
}

static void test_many(void **state) {
  (void)state;
  struct bytes many[TLSA_RECORDS_MAX + 10];
  unsigned expected[TLSA_RECORDS_MAX + 10];
  for (size_t i = 0; i < TLSA_RECORDS_MAX + 10; i++) {
    many[i] = BYTES("\3\1\1" D32);
    expected[i] = 311;
  }
  check(many, TLSA_RECORDS_MAX + 10, expected, TLSA_RECORDS_MAX);
  check(NULL, 0, NULL, 0);
}

static void test_it_holds_its_own_data(void **state) {
  (void)state;
  char rdata[] = "\3\1\1" D32;
  struct dns_record record = {.data = {rdata, sizeof rdata - 1}};
  struct dns_answer answer = {.status = DNS_FOUND, .count = 1, .records = &record};
  struct tlsa_set *s = tlsa_set_read(&answer);
  memset(rdata, 0, sizeof rdata);
  assert_true(bytes_equal(s->records[0].data, BYTES(D32)));
  assert_true(tlsa_set_has(s, TLSA_DANE_EE) && !tlsa_set_has(s, TLSA_DANE_TA));
  free(s);
}

static void test_where_they_are(void **state) {
  (void)state;
  char name[256], longest[300];
  assert_true(tlsa_name("mx.example.net", 25, name));
  assert_string_equal(name, "_25._tcp.mx.example.net");
  memset(longest, 'a', sizeof longest);
  longest[244] = '\0';
  assert_true(tlsa_name(longest, 25, name));
  longest[244] = 'a', longest[245] = '\0';
  assert_false(tlsa_name(longest, 25, name));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_usable),
      cmocka_unit_test(test_unusable),
      cmocka_unit_test(test_the_strongest_digest_counts),
      cmocka_unit_test(test_many),
      cmocka_unit_test(test_it_holds_its_own_data),
      cmocka_unit_test(test_where_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "base/address/address.h"
#include "base/result.h"
#include "base/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_one_spelling(void **state) {
  static const struct {
    const char *address, *key;
  } cases[] = {
      {"User@Example.NET", "user@example.net"},
      {"user@example.net.", "user@example.net"},
      {"\"User\"@example.net", "user@example.net"},
      {"\"a\\b\"@example.net", "ab@example.net"},
      {"\"a b\"@example.net", "\"a b\"@example.net"},
      {"\"A\\\"B\"@example.net", "\"a\\\"b\"@example.net"},
      {"\"\"@example.net", "\"\"@example.net"},
      {"u+tag@example.net", "u+tag@example.net"},
      {"u@b\xc3\xbc"
       "cher.example",
       "u@xn--bcher-kva.example"},
      {"U@[IPv6:2001:DB8::1]", "u@[ipv6:2001:db8::1]"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char key[ADDRESS_KEY], again[ADDRESS_KEY];
    assert_int_equal(address_key(bytes_of(cases[i].address), key), OK);
    assert_string_equal(key, cases[i].key);
    assert_int_equal(address_key(bytes_of(key), again), OK);
    assert_string_equal(again, key);
  }
}

static void test_no_address(void **state) {
  static const char *const cases[] = {
      "", "user", "@example.net", "user@", "a b@example.net", "<user@example.net>", "postmaster"};
  char key[ADDRESS_KEY];
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(address_key(bytes_of(cases[i]), key), E_SYNTAX);
}

/* The first of the reference implementation's vectors (key 00..0f, text 00, 01, ...), and the paper's example. */
static void test_siphash(void **state) {
  static const struct {
    size_t length;
    uint64_t hash;
  } vectors[] = {{0, 0x726fdb47dd0e0e31},
                 {1, 0x74f839c593dc67fd},
                 {7, 0xab0200f58b01d137},
                 {8, 0x93f5f5799a932462},
                 {15, 0xa129ca6149be45e5}};
  struct siphash_key key;
  char text[16];
  (void)state;
  for (unsigned i = 0; i < 16; i++) key.octets[i] = (unsigned char)(text[i] = (char)i);
  for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
    assert_true(siphash(&key, (struct bytes){text, vectors[i].length}) == vectors[i].hash);
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_spelling), cmocka_unit_test(test_no_address),
                                            cmocka_unit_test(test_siphash)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

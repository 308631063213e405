/* Which addresses the whole world knows. */
#include "base/address/global_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_what_a_host_has(void **state) {
  (void)state;
  static const char *const of_host[] = {"127.0.0.1", "10.0.0.5", "193.0.2.25", "2001:db8::1", "fd00::1", "::1"};
  static const char *const none[] = {
      "0.0.0.0", "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "::ffff:224.0.0.1", "fe80::1", "febf::1",
      "ff02::1", "",        "x"};
  for (size_t i = 0; i < sizeof of_host / sizeof of_host[0]; i++) assert_true(ip_is_of_host(of_host[i]));
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
    if (ip_is_of_host(none[i])) fail_msg("%s", none[i]);
}

static void test_what_is_global(void **state) {
  (void)state;
  static const struct {
    const char *address;
    bool global;
  } cases[] = {
      {"193.0.2.25", true},
      {"8.8.8.8", true},
      {"2a00:5f:1::25", true},
      {"2001:4860::1", true},
      {"10.1.2.3", false},
      {"100.64.0.1", false},
      {"100.128.0.1", true},
      {"127.0.0.2", false},
      {"172.16.0.1", false},
      {"172.32.0.1", true},
      {"192.168.1.1", false},
      {"169.254.1.1", false},
      {"192.0.0.8", false},
      {"192.0.2.1", false},
      {"192.0.3.1", true},
      {"192.88.99.1", false},
      {"198.18.0.1", false},
      {"198.20.0.1", true},
      {"198.51.100.1", false},
      {"203.0.113.1", false},
      {"", false},
      {"smtp.example.com", false},
      {"64:ff9b::c100:219", false},
      {"0.1.2.3", false},
      {"224.0.0.1", false},
      {"240.0.0.1", false},
      {"255.255.255.255", false},
      {"::", false},
      {"::1", false},
      {"fe80::1", false},
      {"fd00::1", false},
      {"fec0::1", false},
      {"ff02::1", false},
      {"2001:db8::1", false},
      {"2001:db9::1", true},
      {"2001:10::1", false},
      {"2001:200::1", true},
      {"2002:c100:219::1", false},
      {"3fff:fff::1", false},
      {"3ffe::1", true},
      {"5f00::1", false},
      {"100::1", false},
      {"64:ff9b:1::1", false},
      {"::ffff:10.0.0.1", false},
      {"::ffff:193.0.2.25", true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    if (ip_is_global(cases[i].address) != cases[i].global) fail_msg("%s", cases[i].address);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_global), cmocka_unit_test(test_what_a_host_has)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

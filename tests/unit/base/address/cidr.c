/* Networks, endpoints and addresses of hosts. */
#include "base/address/cidr.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

static void test_contains(void **state) {
  (void)state;
  static const struct {
    const char *net, *address;
    bool inside;
  } samples[] = {
      {"10.0.0.0/8", "10.255.255.255", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.0.0.0/8", "::ffff:10.1.2.3", true},
      {"10.0.0.0/8", "::10.1.2.3", false}, /* compatible is not mapped */
      {"192.0.2.7", "192.0.2.7", true},
      {"192.0.2.7", "192.0.2.6", false},
      {"192.0.2.0/31", "192.0.2.1", true},
      {"192.0.2.0/31", "192.0.2.2", false},
      {"192.0.2.128/25", "192.0.2.127", false},
      {"0.0.0.0/0", "255.255.255.255", true},
      {"0.0.0.0/0", "::ffff:1.2.3.4", true},
      {"0.0.0.0/0", "2001:db8::1", false},
      {"::/0", "2001:db8::1", true},
      {"::/0", "10.0.0.1", false},
      {"::1", "::1", true},
      {"::1", "::2", false},
      {"2001:db8::/33", "2001:db8:7fff::1", true},
      {"2001:db8::/33", "2001:db8:8000::1", false},
      {"::ffff:10.0.0.0/104", "10.1.2.3", true},
      {"::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true},
      {"::ffff:10.0.0.0/104", "11.1.2.3", false},
      {"::ffff:192.0.2.7", "192.0.2.7", true},
      {"::ffff:0:0/96", "8.8.8.8", true},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct cidr net;
    struct sockaddr_storage address;
    assert_int_equal(cidr_parse(samples[i].net, &net), OK);
    assert_int_equal(ip_parse(samples[i].address, 25, &address), OK);
    if (cidr_contains(&net, (struct sockaddr *)&address) != samples[i].inside)
      fail_msg("%s in %s", samples[i].address, samples[i].net);
  }
  struct cidr all;
  struct sockaddr local = {.sa_family = AF_UNIX};
  assert_int_equal(cidr_parse("0.0.0.0/0", &all), OK);
  assert_false(cidr_contains(&all, &local));
}

static void test_bad_networks(void **state) {
  (void)state;
  static const char *const samples[] = {
      "",
      "/8",
      "10.0.0.0/",
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/ 8",
      "10.0.0.0/8/8",
      "10.0.0.1/8",
      "10.0.0/24",
      "10.0.0.256",
      "010.0.0.1",
      "10.0.0.0 /8",
      "::/129",
      "::1/127",
      ":::",
      "2001:db8::g",
      "fe80::1%lo",
      "example.com",
      "[::1]",
      "::1%lo0/128",
      "1.2.3.4.5",
      "0x7f.1",
      "10.0.0.0/8x",
      "2001:0db8:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct cidr net;
    if (cidr_parse(samples[i], &net) != E_SYNTAX) fail_msg("\"%s\" passes", samples[i]);
  }
}

static void test_endpoints(void **state) {
  (void)state;
  static const struct {
    const char *in;
    char separator;
    const char *address; /* NULL: refused */
    unsigned port;
  } samples[] = {
      {"127.0.0.1:25", ':', "127.0.0.1", 25},
      {"0.0.0.0:65535", ':', "0.0.0.0", 65535},
      {"[::1]:587", ':', "::1", 587},
      {"[2001:db8::1]:1", ':', "2001:db8::1", 1},
      {"127.0.0.1@5353", '@', "127.0.0.1", 5353},
      {"::1@53", '@', "::1", 53},
      {"::1:587", ':', NULL, 0},
      {"[127.0.0.1]:25", ':', NULL, 0},
      {"[::1]@53", '@', NULL, 0},
      {"[127.0.0.1]@53", '@', NULL, 0},
      {"[::1]", ':', NULL, 0},
      {"[::1]:", ':', NULL, 0},
      {"[::1:25", ':', NULL, 0},
      {"::1]:25", ':', NULL, 0},
      {"[]:25", ':', NULL, 0},
      {"127.0.0.1:0", ':', NULL, 0},
      {"127.0.0.1:65536", ':', NULL, 0},
      {"127.0.0.1:99999999999999999999", ':', NULL, 0},
      {"127.0.0.1:-1", ':', NULL, 0},
      {"127.0.0.1:smtp", ':', NULL, 0},
      {"127.0.0.1", ':', NULL, 0},
      {"127.0.0.1:25", '@', NULL, 0},
      {"127.0.0.1@25@25", '@', NULL, 0},
      {":25", ':', NULL, 0},
      {"localhost:25", ':', NULL, 0},
      {"", ':', NULL, 0},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct sockaddr_storage s;
    int rc = endpoint_parse(samples[i].in, samples[i].separator, &s);
    if (rc != (samples[i].address ? OK : E_SYNTAX)) fail_msg("\"%s\": %d", samples[i].in, rc);
    if (rc != OK) continue;
    char text[IP_TEXT];
    ip_format((struct sockaddr *)&s, text);
    assert_string_equal(text, samples[i].address);
    assert_int_equal(ip_port((struct sockaddr *)&s), samples[i].port);
    assert_int_equal(ip_length((struct sockaddr *)&s),
                     s.ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
  }
}

static void test_formats(void **state) {
  (void)state;
  struct sockaddr_storage s;
  char text[IP_TEXT];
  assert_int_equal(ip_parse("::ffff:192.0.2.7", 9, &s), OK);
  ip_format((struct sockaddr *)&s, text);
  assert_string_equal(text, "192.0.2.7");
  assert_int_equal(ip_port((struct sockaddr *)&s), 9);
  assert_int_equal(ip_parse("127.0.0.1", 65536, &s), E_SYNTAX);
  struct sockaddr local = {.sa_family = AF_UNIX};
  ip_format(&local, text);
  assert_string_equal(text, "unknown");
  assert_int_equal(ip_port(&local), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_contains), cmocka_unit_test(test_bad_networks),
                                     cmocka_unit_test(test_endpoints), cmocka_unit_test(test_formats)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

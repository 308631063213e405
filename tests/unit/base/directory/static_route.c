#include "base/directory/static_route.h"

#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define COUNT_OF(list) (sizeof(list) / sizeof(list)[0])

static void test_hosts(void **state) {
  static const struct {
    const char *typed, *host, *text; /* host NULL: refused */
    unsigned port;
    enum route_lookup lookup;
  } cases[] = {
      {"smtp.example.com", "smtp.example.com", "smtp.example.com", 0},
      {"Smtp.Example.COM.", "smtp.example.com", "smtp.example.com", 0},
      {"smtp.example.com:587", "smtp.example.com", "smtp.example.com:587", 587},
      {"[smtp.example.com]", "smtp.example.com", "smtp.example.com", 0},
      {"[smtp.example.com]:2525", "smtp.example.com", "smtp.example.com:2525", 2525},
      {"localhost:10025", "localhost", "localhost:10025", 10025},
      {"b\xc3\xbc"
       "cher.example",
       "xn--bcher-kva.example", "xn--bcher-kva.example", 0},
      {"192.0.2.1", "[192.0.2.1]", "[192.0.2.1]", 0},
      {"192.0.2.1:25", "[192.0.2.1]", "[192.0.2.1]:25", 25},
      {"[192.0.2.1]:25", "[192.0.2.1]", "[192.0.2.1]:25", 25},
      {"2001:DB8::1", "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", 0},
      {"[2001:db8::1]:465", "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]:465", 465},
      {"[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", 0},
      {"mx:example.com", "example.com", "mx:example.com", 0, ROUTE_BY_MX},
      {"mx:example.com:26", "example.com", "mx:example.com:26", 26, ROUTE_BY_MX},
      {"direct", "", "direct", 0, ROUTE_DIRECT},
      {""},
      {":25"},
      {"smtp.example.com:"},
      {"smtp.example.com:0"},
      {"smtp.example.com:65536"},
      {"smtp.example.com:smtp"},
      {"[smtp.example.com"},
      {"smtp.example.com]"},
      {"[]"},
      {"[smtp.example.com]587"},
      {"[smtp.example.com]:587:1"},
      {"192.0.2.300"},
      {"10025"},
      {"a b"},
      {"mx:"},
      {"mx:192.0.2.1"},
      {"mx:[example.com]"},
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char host[STATIC_ROUTE_HOST], text[STATIC_ROUTE_TEXT];
    struct static_route r = {.host = host};
    int rc = static_route_parse_host(cases[i].typed, &r.lookup, host, &r.port);
    if (rc != (cases[i].host ? OK : E_SYNTAX)) fail_msg("%s: %d", cases[i].typed, rc);
    if (rc != OK) continue;
    assert_string_equal(host, cases[i].host);
    assert_int_equal(r.port, cases[i].port);
    assert_int_equal(r.lookup, cases[i].lookup);
    assert_string_equal(static_route_text(&r, text), cases[i].text);
  }
}

static void test_the_longest_host_fits(void **state) {
  char typed[STATIC_ROUTE_TEXT + 300], host[STATIC_ROUTE_HOST];
  enum route_lookup lookup;
  unsigned port;
  (void)state;
  memset(typed, 'a', sizeof typed);
  for (size_t i = 49; i < sizeof typed; i += 50) typed[i] = '.';
  strcpy(typed + 253, ":25");
  assert_int_equal(static_route_parse_host(typed, &lookup, host, &port), OK);
  assert_int_equal(strlen(host), 253);
  typed[sizeof typed - 1] = '\0';
  typed[253] = 'a';
  typed[256] = 'a';
  assert_int_equal(static_route_parse_host(typed, &lookup, host, &port), E_SYNTAX);
}

static void test_ports(void **state) {
  (void)state;
  assert_int_equal(static_route_port(&(struct static_route){.port = 26, .implicit_tls = true}, 25), 26);
  assert_int_equal(static_route_port(&(struct static_route){.implicit_tls = true, .auth = ROUTE_AUTH_PASSWORD}, 25),
                   465);
  assert_int_equal(static_route_port(&(struct static_route){.auth = ROUTE_AUTH_PASSWORD}, 25), 587);
  assert_int_equal(static_route_port(&(struct static_route){0}, 2525), 2525);
}

static void test_patterns(void **state) {
  static const struct {
    const char *typed, *pattern;
  } cases[] = {{"*", "*"},
               {"Example.COM", "example.com"},
               {"*.Example.COM", "*.example.com"},
               {"com", "com"},
               {"*."},
               {"*.*"},
               {"a*"},
               {"**"},
               {""},
               {"a@example.com"}};
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    char out[STATIC_ROUTE_PATTERN];
    int rc = static_route_parse_pattern(cases[i].typed, out);
    if (rc != (cases[i].pattern ? OK : E_SYNTAX)) fail_msg("%s: %d", cases[i].typed, rc);
    if (rc == OK) assert_string_equal(out, cases[i].pattern);
  }
}

static int in_order(const void *a, const void *b) {
  return static_route_compare(a, b);
}

static const struct static_route *find(const struct static_route *all, size_t count, const char *to,
                                       const char *account, const char *sender) {
  const struct route_question q = {.to = to, .account = account, .sender = sender};
  return static_route_find(all, count, &q);
}

/* The recipient first, then account with sender, account, sender, all. `id` is the place in the order. */
static void test_the_order(void **state) {
  struct static_route all[] = {
      {.id = 1, .to = "a.b.test", .account = "x", .sender = "s.test"},
      {.id = 2, .to = "a.b.test", .account = "x", .sender = "*.test"},
      {.id = 3, .to = "a.b.test", .account = "x", .sender = ""},
      {.id = 4, .to = "a.b.test", .account = "", .sender = "s.test"},
      {.id = 5, .to = "a.b.test", .account = "", .sender = "*.test"},
      {.id = 6, .to = "a.b.test", .account = "", .sender = ""},
      {.id = 7, .to = "*.b.test", .account = "x", .sender = "s.test"},
      {.id = 8, .to = "*.b.test", .account = "", .sender = ""},
      {.id = 9, .to = "*.test", .account = "x", .sender = "s.test"},
      {.id = 10, .to = "*.test", .account = "", .sender = ""},
      {.id = 11, .to = "*", .account = "x", .sender = "s.test"},
      {.id = 12, .to = "*", .account = "x", .sender = ""},
      {.id = 13, .to = "*", .account = "", .sender = "s.test"},
      {.id = 14, .to = "*", .account = "", .sender = ""},
  };
  size_t count = COUNT_OF(all);
  (void)state;
  qsort(all, count, sizeof all[0], in_order);
  /* What is found first is taken away; the next is found next. Those that never fit stay. */
  static const int64_t order[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14};
  for (size_t i = 0; i < COUNT_OF(order); i++) {
    const struct static_route *r = find(all, count, "a.b.test", "x", "s.test");
    assert_non_null(r);
    assert_int_equal(r->id, order[i]);
    size_t at = (size_t)(r - all);
    memmove(&all[at], &all[at + 1], (count - at - 1) * sizeof all[0]);
    count--;
  }
  assert_null(find(all, count, "a.b.test", "x", "s.test"));
}

static void test_what_does_not_fit(void **state) {
  struct static_route all[] = {
      {.id = 1, .to = "*.b.test", .account = "", .sender = ""},
      {.id = 2, .to = "c.test", .account = "x", .sender = ""},
      {.id = 3, .to = "d.test", .account = "", .sender = "*.s.test"},
  };
  (void)state;
  qsort(all, COUNT_OF(all), sizeof all[0], in_order);
  assert_null(find(all, 0, "a.b.test", "", ""));
  assert_null(find(all, 3, "b.test", "", "")); /* subdomains alone */
  assert_int_equal(find(all, 3, "x.y.b.test", "", "")->id, 1);
  assert_null(find(all, 3, "c.test", "y", ""));
  assert_null(find(all, 3, "c.test", "", "")); /* mail of no account */
  assert_int_equal(find(all, 3, "c.test", "x", "s.test")->id, 2);
  assert_null(find(all, 3, "d.test", "x", "s.test"));
  assert_null(find(all, 3, "d.test", "x", "")); /* the null reverse-path is of no domain */
  assert_int_equal(find(all, 3, "d.test", "x", "m.s.test")->id, 3);
  all[0] = (struct static_route){.id = 4, .to = "*", .account = "", .sender = ""};
  assert_int_equal(find(all, 1, "[192.0.2.1]", "", "")->id, 4); /* of a literal no part is a parent */
}

static void test_names(void **state) {
  enum route_tls tls;
  (void)state;
  for (enum route_tls t = ROUTE_TLS_MAY; t <= ROUTE_TLS_VERIFY; t++) {
    assert_int_equal(route_tls_parse(route_tls_name(t), &tls), OK);
    assert_int_equal(tls, t);
  }
  assert_int_equal(route_tls_parse("must", &tls), E_NOT_FOUND);
  assert_true(static_route_is_local("[127.0.0.1]") && static_route_is_local("localhost") &&
              static_route_is_local("filter.localhost"));
  assert_false(static_route_is_local("notlocalhost") || static_route_is_local("localhost.example"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_hosts),     cmocka_unit_test(test_the_longest_host_fits),
      cmocka_unit_test(test_ports),     cmocka_unit_test(test_patterns),
      cmocka_unit_test(test_the_order), cmocka_unit_test(test_what_does_not_fit),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

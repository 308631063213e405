#include "relay/delivery/site/tried.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* last: it has a macro named fail */

static struct sockaddr_storage address(const char *ip, unsigned port) {
  struct sockaddr_storage a;
  assert_int_equal(ip_parse(ip, port, &a), OK);
  return a;
}

static void test_none_twice(void **state) {
  (void)state;
  struct tried t = {0};
  struct sockaddr_storage a = address("192.0.2.1", 25), b = address("2001:db8::1", 25), c = address("192.0.2.1", 2525);
  char *text = tried_text(&t);
  assert_string_equal(text, "");
  free(text);
  assert_false(tried_has(&t, &a));
  tried_add(&t, &a, false);
  assert_false(tried_met_broken_tls(&t));
  tried_add(&t, &b, true);
  tried_add(&t, &a, true);
  assert_true(tried_met_broken_tls(&t));
  assert_int_equal(t.count, 2);
  assert_true(tried_has(&t, &a) && tried_has(&t, &b));
  assert_false(tried_has(&t, &c)); /* another server */
  text = tried_text(&t);
  assert_string_equal(text, " !192.0.2.1:25 ~2001:db8::1:25");
  free(text);
  struct tried rest = tried_but_for_tls(&t);
  assert_int_equal(rest.count, 1);
  assert_true(tried_has(&rest, &a) && !tried_has(&rest, &b));
  assert_false(tried_met_broken_tls(&rest));
}

static void test_is_bounded(void **state) {
  (void)state;
  struct tried t = {0};
  for (unsigned port = 1; port <= TRIED_MAX + 3; port++) {
    struct sockaddr_storage a = address("2001:db8:1111:2222:3333:4444:5555:6666", 60000 + port);
    assert_int_equal(tried_is_full(&t), port > TRIED_MAX);
    tried_add(&t, &a, false);
  }
  assert_int_equal(t.count, TRIED_MAX);
  char *text = tried_text(&t);
  assert_non_null(text);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_none_twice),
      cmocka_unit_test(test_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

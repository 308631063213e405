#include "relay/delivery/site/host_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define HOST_LIST_US (INT64_C(3600) * 1000000)

static void test_is_forgotten_after_a_while(void **state) {
  (void)state;
  struct host_list *l = host_list_new(HOST_LIST_US);
  assert_non_null(l);
  assert_false(host_list_has(l, "a.example", 0));
  host_list_add(l, "a.example", 0);
  assert_true(host_list_has(l, "a.example", HOST_LIST_US - 1));
  assert_false(host_list_has(l, "b.example", 1));
  host_list_add(l, "a.example", 10); /* again: from then on */
  assert_true(host_list_has(l, "a.example", HOST_LIST_US + 9));
  assert_false(host_list_has(l, "a.example", HOST_LIST_US + 10));
  host_list_add(l, "a.example", 5 * 365 * HOST_LIST_US); /* a clock that was ahead, and is set right: no years of it */
  assert_false(host_list_has(l, "a.example", 20));
  host_list_add(l, "a.example", 20);
  host_list_forget(l, "a.example");
  host_list_forget(l, "b.example");
  assert_false(host_list_has(l, "a.example", 20));
  host_list_free(&l);
  assert_null(l);
}

static void test_is_bounded(void **state) {
  (void)state;
  struct host_list *l = host_list_new(HOST_LIST_US);
  char name[40];
  for (int i = 0; i < HOST_LIST_MAX + 10; i++) {
    snprintf(name, sizeof name, "mx%d.example", i);
    host_list_add(l, name, i);
  }
  int64_t now = HOST_LIST_MAX + 10;
  assert_false(host_list_has(l, "mx9.example", now)); /* the oldest gave way */
  assert_true(host_list_has(l, "mx10.example", now));
  assert_true(host_list_has(l, name, now));
  host_list_free(&l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_is_forgotten_after_a_while),
      cmocka_unit_test(test_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

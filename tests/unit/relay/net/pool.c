/* Slow DNS leaves threads of the pool to others, with any number of loops. */
#include "relay/net/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define LIBUV_MOST 1024

static void dns_leaves_some(void **state) {
  (void)state;
  for (size_t loops = 1; loops <= 256; loops++) {
    size_t all = pool_threads(loops), each = pool_dns_threads(loops), names = pool_name_threads(loops);
    assert_true(each >= 1 && names >= 1 && all <= LIBUV_MOST);
    assert_true(all >= (2 * each + names) * loops + POOL_OTHERS + 1);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(dns_leaves_some)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

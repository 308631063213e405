/* When recipients were put off first, of as many as there is room for. */
#include "relay/delivery/site/put_off.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MANY (4 * PUT_OFF_SETS * PUT_OFF_WAYS)

/* Ids are times. */
static int64_t id_of(int64_t n) {
  return INT64_C(0x18f3a2b4c0000) + n * 1024;
}

static void the_first_time_counts(void **state) {
  struct put_off *p = put_off_new();
  (void)state;
  assert_int_equal(put_off_find(p, id_of(1)), 0);
  assert_int_equal(put_off_note(p, id_of(1), 50), 50);
  assert_int_equal(put_off_note(p, id_of(1), 60), 50);
  assert_int_equal(put_off_note(p, id_of(2), 60), 60);
  assert_int_equal(put_off_find(p, id_of(1)), 50);
  put_off_forget(p, id_of(1));
  put_off_forget(p, id_of(3));
  assert_int_equal(put_off_find(p, id_of(1)), 0);
  assert_int_equal(put_off_find(p, id_of(2)), 60);
  assert_int_equal(put_off_note(p, id_of(1), 70), 70);
  put_off_free(&p);
  assert_null(p);
}

/* Half of the room holds nearly all of its recipients; beyond it, the latest stay. */
static void what_was_put_off_longest_ago_gives_way(void **state) {
  struct put_off *p = put_off_new();
  int64_t half = PUT_OFF_SETS * PUT_OFF_WAYS / 2, kept = 0;
  (void)state;
  for (int64_t n = 1; n <= half; n++) put_off_note(p, id_of(n), n);
  for (int64_t n = 1; n <= half; n++) kept += put_off_find(p, id_of(n)) == n;
  assert_in_range(kept, half * 9 / 10, half);
  for (int64_t n = half + 1; n <= MANY; n++) put_off_note(p, id_of(n), n);
  for (kept = 0; kept < 1000 && put_off_find(p, id_of(MANY - kept)) == MANY - kept; kept++) continue;
  assert_int_equal(kept, 1000);
  for (int64_t n = 1; n <= half; n++) assert_int_equal(put_off_find(p, id_of(n)), 0);
  put_off_free(&p);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_first_time_counts),
      cmocka_unit_test(what_was_put_off_longest_ago_gives_way),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The course of a key: what has to be known for each step, and when there is to be looked again. */
#include "dkim/rotation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MINUTE_US (INT64_C(60) * 1000000)
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)
#define NOW (INT64_C(20000) * DAY_US)

static void test_steps(void **state) {
  (void)state;
  static const struct {
    enum key_state state, next;
    enum key_service service;
    bool mail_waits, publishes;
    int64_t since, left; /* ago; left -1: not known */
  } cases[] = {
      {KEY_WAITING, KEY_WAITING, KEY_SERVICE_UNKNOWN, false, false, DAY_US, -1},
      {KEY_WAITING, KEY_WAITING, KEY_SERVICE_MISSING, false, true, 900 * DAY_US, -1},
      {KEY_WAITING, KEY_ACTIVE, KEY_SERVICE_WHOLE, true, false, 0, -1},
      {KEY_ACTIVE, KEY_ACTIVE, KEY_SERVICE_MISSING, false, false, 900 * DAY_US, -1},
      {KEY_ACTIVE, KEY_ACTIVE, KEY_SERVICE_WHOLE, false, true, 0, -1},
      {KEY_OLD, KEY_OLD, KEY_SERVICE_UNKNOWN, false, false, 900 * DAY_US, -1},
      {KEY_OLD, KEY_OLD, KEY_SERVICE_UNKNOWN, true, false, 900 * DAY_US, 8 * DAY_US},
      {KEY_OLD, KEY_OLD, KEY_SERVICE_UNKNOWN, false, false, 900 * DAY_US, ROTATION_LINGER_US - 1},
      {KEY_OLD, KEY_OLD, KEY_SERVICE_UNKNOWN, false, false, ROTATION_LINGER_US - 1, 900 * DAY_US},
      {KEY_OLD, KEY_RETIRED, KEY_SERVICE_UNKNOWN, false, false, 900 * DAY_US, ROTATION_LINGER_US},
      {KEY_RETIRED, KEY_RETIRED, KEY_SERVICE_UNKNOWN, false, false, 900 * DAY_US, 900 * DAY_US},
      {KEY_RETIRED, KEY_GONE, KEY_SERVICE_UNKNOWN, false, true, 0, 900 * DAY_US},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct signing_key key = {.state = cases[i].state,
                                    .state_us = NOW - cases[i].since,
                                    .left_us = cases[i].left < 0 ? 0 : NOW - cases[i].left};
    const struct rotation_facts f = {&key, cases[i].service, cases[i].mail_waits, cases[i].publishes, NOW};
    if (rotation_next(&f) != cases[i].next)
      fail_msg("%zu: %s -> %s", i, key_state_name(cases[i].state), key_state_name(rotation_next(&f)));
  }
}

static int64_t wait_of(int64_t checked) {
  const struct signing_key key = {.state = KEY_WAITING, .state_us = NOW, .checked_us = NOW + checked};
  return rotation_due_us(&key, false) - key.checked_us;
}

static void test_when(void **state) {
  (void)state;
  struct signing_key key = {.state = KEY_WAITING, .state_us = NOW};
  assert_int_equal(rotation_due_us(&key, false), NOW);
  assert_int_equal(wait_of(MINUTE_US), MINUTE_US / 6);
  assert_int_equal(wait_of(HOUR_US), 6 * MINUTE_US);
  assert_int_equal(wait_of(30 * DAY_US), HOUR_US);
  key.state = KEY_ACTIVE;
  assert_int_equal(rotation_due_us(&key, true), INT64_MAX);
  key.state = KEY_OLD;
  assert_int_equal(rotation_due_us(&key, false), NOW);
  key.checked_us = NOW + 1; /* the last of its mail is just leaving */
  assert_int_equal(rotation_due_us(&key, false), NOW + 1 + INT64_C(10000000));
  key.checked_us = NOW + DAY_US;
  assert_int_equal(rotation_due_us(&key, false), NOW + DAY_US + HOUR_US);
  key.left_us = NOW + 2 * DAY_US;
  assert_int_equal(rotation_due_us(&key, false), NOW + 2 * DAY_US + ROTATION_LINGER_US);
  key.state = KEY_RETIRED;
  assert_int_equal(rotation_due_us(&key, false), INT64_MAX);
  assert_int_equal(rotation_due_us(&key, true), key.checked_us + HOUR_US);
}

static void test_successors(void **state) {
  (void)state;
  struct signing_key keys[] = {
      {.selector = "r2", .replaces = "r1", .state = KEY_WAITING, .state_us = NOW},
      {.selector = "e1", .replaces = "", .state = KEY_ACTIVE, .state_us = NOW - 89 * DAY_US},
      {.selector = "r1", .replaces = "", .state = KEY_ACTIVE, .state_us = NOW - 900 * DAY_US},
  };
  struct domain d = {.keys = keys, .key_count = 3, .rotate_us = 90 * DAY_US};
  assert_ptr_equal(rotation_successor(&d, &keys[2]), &keys[0]);
  assert_null(rotation_successor(&d, &keys[1]));
  assert_false(rotation_is_due(&d, &keys[2], NOW)); /* it has one */
  assert_false(rotation_is_due(&d, &keys[1], NOW));
  assert_true(rotation_is_due(&d, &keys[1], NOW + DAY_US));
  assert_false(rotation_is_due(&d, &keys[0], NOW + 900 * DAY_US));
  d.rotate_us = 0;
  assert_false(rotation_is_due(&d, &keys[1], NOW + DAY_US));
  d.rotate_us = 90 * DAY_US;
  keys[0].state = KEY_OLD; /* long ago: of another key so named */
  assert_true(rotation_is_due(&d, &keys[2], NOW));
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps), cmocka_unit_test(test_when),
                                            cmocka_unit_test(test_successors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

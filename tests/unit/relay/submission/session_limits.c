/* How many sessions may be open, in all and for each address, whichever thread asks. */
#include "relay/submission/session_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

static void test_in_all(void **state) {
  (void)state;
  struct session_limits *l = session_limits_new(3, 10);
  assert_int_equal(session_limits_enter(l, "192.0.2.1"), ROOM);
  assert_int_equal(session_limits_enter(l, "192.0.2.2"), ROOM);
  assert_int_equal(session_limits_enter(l, NULL), ROOM); /* whose it is, is not known yet */
  assert_int_equal(session_limits_enter(l, "192.0.2.3"), NO_ROOM);
  assert_int_equal(session_limits_enter(l, NULL), NO_ROOM);
  session_limits_leave(l, NULL);
  assert_int_equal(session_limits_enter(l, "192.0.2.3"), ROOM);
  assert_int_equal(session_limits_enter(l, "192.0.2.1"), NO_ROOM);
  session_limits_leave(l, "192.0.2.2");
  assert_int_equal(session_limits_enter(l, "192.0.2.1"), ROOM);
  session_limits_free(&l);
  assert_null(l);
}

static void test_for_an_address(void **state) {
  (void)state;
  struct session_limits *l = session_limits_new(100, 2);
  static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", "user 33"};
  for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
    assert_int_equal(session_limits_enter(l, addresses[i]), ROOM);
    assert_int_equal(session_limits_enter(l, addresses[i]), ROOM);
    assert_int_equal(session_limits_enter(l, addresses[i]), NO_ROOM_FOR_ADDRESS);
  }
  session_limits_leave(l, "192.0.2.1");
  assert_int_equal(session_limits_enter(l, "2001:db8::1"), NO_ROOM_FOR_ADDRESS);
  assert_int_equal(session_limits_enter(l, "192.0.2.1"), ROOM);
  assert_int_equal(session_limits_enter(l, "192.0.2.1"), NO_ROOM_FOR_ADDRESS);
  session_limits_free(&l);
}

/* Who is refused is not counted: he need not leave. */
static void test_refused_is_not_counted(void **state) {
  (void)state;
  struct session_limits *l = session_limits_new(2, 1);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(session_limits_enter(l, "192.0.2.1"), ROOM);
    assert_int_equal(session_limits_enter(l, "192.0.2.1"), NO_ROOM_FOR_ADDRESS);
    assert_int_equal(session_limits_enter(l, "192.0.2.2"), ROOM);
    assert_int_equal(session_limits_enter(l, "192.0.2.3"), NO_ROOM);
    session_limits_leave(l, "192.0.2.1");
    session_limits_leave(l, "192.0.2.2");
  }
  session_limits_free(&l);
}

/* --- from several threads --- */

#define THREADS 4
#define TURNS 20000
#define MOST 3

static struct session_limits *shared;
static atomic_uint inside, most_inside, entered;

static void *hammer(void *arg) {
  for (int i = 0; i < TURNS; i++) {
    if (session_limits_enter(shared, arg) != ROOM) continue;
    unsigned now = atomic_fetch_add(&inside, 1) + 1, most = atomic_load(&most_inside);
    while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now)) continue;
    atomic_fetch_add(&entered, 1);
    atomic_fetch_sub(&inside, 1);
    session_limits_leave(shared, arg);
  }
  return NULL;
}

static void test_threads(void **state) {
  (void)state;
  static const char *const addresses[THREADS] = {"192.0.2.1", "192.0.2.1", "192.0.2.2", "2001:db8::1"};
  pthread_t threads[THREADS];
  shared = session_limits_new(MOST, 1);
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, hammer, (void *)(uintptr_t)addresses[i]), 0);
  for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
  assert_true(atomic_load(&entered) >= TURNS / 100);
  assert_true(atomic_load(&most_inside) <= MOST);
  for (int i = 0; i < MOST; i++) assert_int_equal(session_limits_enter(shared, NULL), ROOM); /* all have left */
  assert_int_equal(session_limits_enter(shared, NULL), NO_ROOM);
  session_limits_free(&shared);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_in_all),
      cmocka_unit_test(test_for_an_address),
      cmocka_unit_test(test_refused_is_not_counted),
      cmocka_unit_test(test_threads),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Identifiers: order, uniqueness, text. */
#include "base/id.h"
#include "base/clock.h"
#include "base/result.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define THREADS 8
#define EACH 50000

static int64_t made[THREADS][EACH];

static void *make(void *argument) {
  int64_t *out = argument;
  for (size_t i = 0; i < EACH; i++) out[i] = id_new();
  return NULL;
}

static int compare(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static void test_threads(void **state) {
  (void)state;
  pthread_t threads[THREADS];
  for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, make, made[i]), 0);
  for (size_t i = 0; i < THREADS; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (size_t i = 0; i < THREADS; i++)
    for (size_t k = 1; k < EACH; k++) assert_true(made[i][k] > made[i][k - 1]); /* sorted within each thread */
  int64_t *all = &made[0][0];
  qsort(all, (size_t)THREADS * EACH, sizeof *all, compare);
  assert_true(all[0] > 0);
  for (size_t i = 1; i < (size_t)THREADS * EACH; i++) assert_true(all[i] != all[i - 1]);
}

static void test_time(void **state) {
  (void)state;
  int64_t now = clock_now_us() + 3600 * SECOND_US; /* past what the burst above borrowed from the future */
  clock_set_for_tests(now);
  int64_t a = id_new(), b = id_new();
  assert_int_equal(id_time_us(a), now / 1000 * 1000);
  assert_true(a >= id_floor(now) && a < id_floor(now + 1000));
  assert_true(b == a + 1);
  clock_set_for_tests(now - 60 * SECOND_US); /* the clock is set back */
  int64_t c = id_new();
  assert_true(c > b);
  clock_set_for_tests(now + 1000);
  assert_true(id_new() >= id_floor(now + 1000));
  assert_int_equal(id_floor(0), 0); /* before 2024 there are no ids */
  assert_int_equal(id_time_us(id_floor(INT64_C(1795428000) * SECOND_US)), INT64_C(1795428000) * SECOND_US);
  clock_set_for_tests(0);
}

static void test_full_millisecond(void **state) {
  (void)state;
  int64_t now = clock_now_us() + 7200 * SECOND_US;
  clock_set_for_tests(now);
  int64_t before = id_new();
  for (int i = 0; i < 5000; i++) { /* 2048 fit */
    int64_t id = id_new();
    assert_true(id > before);
    before = id;
  }
  assert_int_equal(id_time_us(before), now / 1000 * 1000 + 2000);
  clock_set_for_tests(0);
}

static void test_nodes(void **state) {
  (void)state;
  clock_set_for_tests(clock_now_us() + 10800 * SECOND_US);
  id_set_node(0);
  int64_t a = id_new();
  id_set_node(1023);
  int64_t b = id_new();
  id_set_node(0);
  assert_int_equal(a >> 11 & 1023, 0);
  assert_int_equal(b >> 11 & 1023, 1023);
  assert_int_equal(a >> 21, b >> 21); /* the same millisecond */
  clock_set_for_tests(0);
}

static void test_text(void **state) {
  (void)state;
  static const struct {
    const char *in;
    int result;
    int64_t value;
  } samples[] = {
      {"0", OK, 0},
      {"10", OK, 32},
      {"Z", OK, 31},
      {"z", OK, 31},
      {"oO0", OK, 0},
      {"iIlL1", OK, 1 | 1 << 5 | 1 << 10 | 1 << 15 | 1 << 20},
      {"7ZZZZZZZZZZZZ", OK, INT64_MAX},
      {"8000000000000", E_SYNTAX, 0},
      {"ZZZZZZZZZZZZZZZZZZZZ", E_SYNTAX, 0},
      {"", E_SYNTAX, 0},
      {"U", E_SYNTAX, 0},
      {"1-2", E_SYNTAX, 0},
      {" 1", E_SYNTAX, 0},
      {"1 ", E_SYNTAX, 0},
      {"\xc3\xa9", E_SYNTAX, 0},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    int64_t value = 0;
    if (id_parse(samples[i].in, &value) != samples[i].result || value != samples[i].value)
      fail_msg("\"%s\": %lld", samples[i].in, (long long)value);
  }
  static const int64_t values[] = {0, 1, 31, 32, 1023, INT64_C(1) << 40, INT64_MAX - 1, INT64_MAX};
  for (size_t i = 0; i < COUNT_OF(values); i++) {
    char text[ID_TEXT];
    int64_t back = -1;
    id_format(values[i], text);
    assert_int_equal(id_parse(text, &back), OK);
    assert_true(back == values[i]);
  }
}

static void test_references(void **state) {
  (void)state;
  char a[REF_LENGTH + 1], b[REF_LENGTH + 1];
  ref_new(a);
  ref_new(b);
  assert_int_equal(strlen(a), REF_LENGTH);
  assert_int_equal(strspn(a, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), REF_LENGTH);
  assert_string_not_equal(a, b); /* one in 2^40 */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_threads), cmocka_unit_test(test_time), cmocka_unit_test(test_full_millisecond),
      cmocka_unit_test(test_nodes),   cmocka_unit_test(test_text), cmocka_unit_test(test_references),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

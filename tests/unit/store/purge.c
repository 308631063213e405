/* Old log lines go, a bounded piece at a time. */
#include "store/sqlite/housekeeping.h"
#include "tests/unit/store_lab.h"

#define DAY (86400 * SECOND_US)

/* `count` events of `age_us` ago, straight into the table. */
static void put_events(struct lab *l, int64_t age_us, int count) {
  char sql[400];
  snprintf(
      sql, sizeof sql,
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d) INSERT INTO events(id, "
      "message_id, kind, account, sender, recipient, code, enhanced, text, host, source, ref, count, rule, numbers)"
      " SELECT %lld + i, 0, 1, 'blog', '', '', 0, '', '', '', '', NULL, 1, '', '' FROM n",
      count, (long long)id_floor(clock_now_us() - age_us));
  lab_exec(l->dir, sql);
}

static int64_t events(struct lab *l) {
  return lab_number(l->dir, "SELECT count(*) FROM events");
}

static void a_piece_is_bounded_and_comes_again_at_once(void **state) {
  struct lab *l = *state;
  struct sql q;
  struct housekeeping h;
  put_events(l, 31 * DAY, 2 * PURGE_BATCH + 5);
  put_events(l, 29 * DAY, 7);
  lab_close(l);
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  assert_int_equal(housekeeping_init(&h, &q, NULL, &(struct store_options){.log_retain_us = 30 * DAY}, 1000), OK);
  assert_int_equal(housekeeping_run(&h, 1000), 1000);
  assert_int_equal(events(l), PURGE_BATCH + 12);
  assert_int_equal(housekeeping_run(&h, 1001), 1001);
  assert_int_equal(events(l), 12);
  assert_true(housekeeping_run(&h, 1002) > 1002);
  assert_int_equal(events(l), 7);
  /* Quiet: the log is moved into the database, once; then nothing before the next minute. */
  uint64_t next = housekeeping_run(&h, 10000);
  assert_int_equal(next, 1002 + 60000);
  put_events(l, 31 * DAY, 3);
  assert_int_equal(housekeeping_run(&h, next - 1), next);
  assert_int_equal(events(l), 10);
  housekeeping_run(&h, next);
  assert_int_equal(events(l), 7);
  housekeeping_free(&h);
  sql_close(&q);
}

static void everything_is_kept_without_an_age(void **state) {
  struct lab *l = *state;
  struct sql q;
  struct housekeeping h;
  put_events(l, 900 * DAY, 5);
  lab_close(l);
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  assert_int_equal(housekeeping_init(&h, &q, NULL, &(struct store_options){0}, 1000), OK);
  housekeeping_busy(&h, 1000);
  assert_int_equal(housekeeping_run(&h, 1000), 2000);
  assert_true(housekeeping_run(&h, 2000) == UINT64_MAX);
  housekeeping_busy(&h, 5000);
  assert_int_equal(housekeeping_run(&h, 5000), 6000);
  assert_int_equal(events(l), 5);
  housekeeping_free(&h);
  sql_close(&q);
}

/* In the running store, and while mail passes. */
static void the_running_store_purges_and_goes_on(void **state) {
  struct lab *l = *state;
  struct store_options options = {.log_retain_us = 30 * DAY};
  put_events(l, 31 * DAY, 20 * PURGE_BATCH);
  lab_close(l);
  assert_ok(store_open(l->dir, &options, &l->store, &l->why), l->why);
  poster_init(&l->poster, l->store);
  int64_t accepted = 0;
  for (uint64_t begin = clock_monotonic_ms(); events(l) > accepted && clock_monotonic_ms() - begin < 30000; accepted++)
    lab_accept(l, "blog", "a@x.example");
  assert_true(accepted > 0);
  assert_int_equal(events(l), accepted);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_piece_is_bounded_and_comes_again_at_once, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(everything_is_kept_without_an_age, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_running_store_purges_and_goes_on, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

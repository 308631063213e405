/* The same submission twice: kept, counted and answered once, within the window, whatever happens in between. */
#include "tests/unit/store_lab.h"

#define WINDOW (600 * SECOND_US)

static const struct idempotency_key one = {.octets = "fifteen octets."}, other = {.octets = "another fifteen"};

static int setup(void **state) {
  return lab_setup_idempotency(state, WINDOW);
}

/* Returns what it repeats, or 0; its own id in *id. */
static int64_t submit(struct lab *l, const struct idempotency_key *key, int64_t *id) {
  struct letter m;
  letter_make(&m, "blog", "a@x.example");
  m.accept.key = key;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  *id = letter_id(&m);
  return m.accept.duplicate_of;
}

static void check_kept(struct lab *l, int64_t messages) {
  struct reader *r = lab_reader(l);
  struct usage u;
  assert_int_equal(account_used(r, "blog", &u), OK);
  assert_int_equal(u.total.messages, messages);
  reader_close(&r);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), messages);
}

static void the_first_is_the_answer(void **state) {
  struct lab *l = *state;
  int64_t first, second, third;
  assert_int_equal(submit(l, &one, &first), 0);
  assert_int_equal(submit(l, &one, &second), first);
  assert_int_equal(submit(l, &other, &third), 0);
  assert_int_equal(submit(l, NULL, &third), 0);
  check_kept(l, 3);
  char sql[200];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM events WHERE message_id = %lld", (long long)first);
  assert_int_equal(lab_number(l->dir, sql), 2); /* it was accepted, and it was asked for again */
}

static void two_in_one_batch(void **state) {
  struct lab *l = *state;
  struct letter m[5];
  for (size_t i = 0; i < COUNT_OF(m); i++) {
    letter_make(&m[i], "blog", "a@x.example");
    m[i].accept.key = &one;
  }
  for (size_t i = 0; i < COUNT_OF(m); i++) lab_post(&l->poster, &m[i].accept.op);
  lab_wait(&l->poster);
  assert_int_equal(m[0].accept.duplicate_of, 0);
  for (size_t i = 1; i < COUNT_OF(m); i++) assert_int_equal(m[i].accept.duplicate_of, letter_id(&m[0]));
  check_kept(l, 1);
}

static void a_restart_forgets_nothing(void **state) {
  struct lab *l = *state;
  int64_t first, second;
  assert_int_equal(submit(l, &one, &first), 0);
  lab_reopen(l);
  assert_int_equal(submit(l, &one, &second), first);
  check_kept(l, 1);
}

static void the_window_ends(void **state) {
  struct lab *l = *state;
  int64_t first, second, now = clock_now_us();
  clock_set_for_tests(now);
  assert_int_equal(submit(l, &one, &first), 0);
  clock_set_for_tests(now + WINDOW - SECOND_US);
  assert_int_equal(submit(l, &one, &second), first);
  clock_set_for_tests(now + WINDOW + SECOND_US);
  assert_int_equal(submit(l, &one, &second), 0);
  int64_t third;
  assert_int_equal(submit(l, &one, &third), second); /* the window is the second's now */
  lab_reopen(l);
  assert_int_equal(submit(l, &one, &third), second);
  check_kept(l, 2);
}

static const struct limit none = {.count = 1, .unit = LIMIT_OCTETS, .per_message = true};

static void what_was_refused_is_no_first(void **state) {
  struct lab *l = *state;
  struct letter m;
  int64_t id;
  letter_make(&m, "blog", "a@x.example");
  m.accept.key = &one;
  letter_limit(&m, &none, 1);
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_LIMIT);
  assert_int_equal(submit(l, &one, &id), 0);
  check_kept(l, 1);
}

/* A message of the same batch cannot be kept (its id is there already): the batch is rolled back and tried one by one,
 * and what was remembered for it must be forgotten. */
static void a_rollback_is_followed(void **state) {
  struct lab *l = *state;
  int64_t first;
  assert_int_equal(submit(l, &other, &first), 0);
  struct letter good, bad;
  letter_make(&good, "blog", "a@x.example");
  letter_make(&bad, "blog", "a@x.example");
  good.accept.key = &one;
  bad.accept.message.envelope.id = first;
  lab_post(&l->poster, &good.accept.op);
  lab_post(&l->poster, &bad.accept.op);
  lab_wait(&l->poster);
  assert_int_equal(good.accept.op.result, OK);
  assert_int_equal(good.accept.duplicate_of, 0);
  assert_int_not_equal(bad.accept.op.result, OK);
  int64_t again;
  assert_int_equal(submit(l, &one, &again), letter_id(&good));
  check_kept(l, 2);
}

static void no_window_no_memory(void **state) {
  struct lab *l = *state;
  int64_t id;
  l->idempotency_window_us = 0;
  lab_reopen(l);
  assert_int_equal(submit(l, &one, &id), 0);
  assert_int_equal(submit(l, &one, &id), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM idempotency"), 0);
}

static void old_rows_are_removed(void **state) {
  struct lab *l = *state;
  int64_t id;
  char sql[100];
  assert_int_equal(submit(l, &one, &id), 0);
  snprintf(sql, sizeof sql, "INSERT INTO idempotency VALUES (%lld, x'00')",
           (long long)id_floor(clock_now_us() - 2 * WINDOW));
  lab_exec(l->dir, sql);
  lab_reopen(l); /* housekeeping begins with it */
  for (int tries = 0; tries < 500 && lab_number(l->dir, "SELECT count(*) FROM idempotency") > 1; tries++) usleep(10000);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM idempotency"), 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_first_is_the_answer, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(two_in_one_batch, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_restart_forgets_nothing, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_window_ends, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_was_refused_is_no_first, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_rollback_is_followed, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(no_window_no_memory, setup, lab_teardown),
      cmocka_unit_test_setup_teardown(old_rows_are_removed, setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

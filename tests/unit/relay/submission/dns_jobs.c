/* Checks that wait for DNS: how many there are, whose run, and in which order. DNS is a gate that the test opens. */
#include "relay/submission/dns_jobs.h"

#include "tests/unit/loop_lab.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define THREADS 4
#define A 1 /* accounts */
#define B 2

struct question {
  struct dns_job base;
  struct place *place;
  int name;
};

struct place {
  struct loop_lab lab;
  struct dns_jobs jobs;
  sem_t gate; /* one question is answered for each post */
  pthread_mutex_t lock;
  int asked[2 * DNS_JOBS_MAX], finished;
  atomic_int asked_count;
  int released;
};

static void work(struct dns_job *base, const struct dns_source *dns) {
  struct question *q = (struct question *)base;
  (void)dns;
  pthread_mutex_lock(&q->place->lock);
  q->place->asked[atomic_load(&q->place->asked_count)] = q->name;
  atomic_fetch_add(&q->place->asked_count, 1); /* behind it, so that whoever reads the count may read the name */
  pthread_mutex_unlock(&q->place->lock);
  sem_wait(&q->place->gate);
}

static void finish(struct dns_job *base, bool late) {
  assert_false(late);
  ((struct question *)base)->place->finished++;
}

static void release(struct dns_job *base) {
  ((struct question *)base)->place->released++;
  free(base);
}

static int setup(void **state) {
  static const struct dns_job_calls calls = {work, finish, release};
  struct place *p = *state = calloc(1, sizeof *p);
  if (!p) return -1;
  loop_lab_open(&p->lab);
  pthread_mutex_init(&p->lock, NULL);
  p->jobs = (struct dns_jobs){.loop = &p->lab.loop, .calls = &calls, .threads = THREADS};
  return sem_init(&p->gate, 0, 0);
}

static int teardown(void **state) {
  struct place *p = *state;
  loop_lab_close(&p->lab);
  assert_null(p->jobs.first);
  sem_destroy(&p->gate);
  pthread_mutex_destroy(&p->lock);
  free(p);
  return 0;
}

static void start(struct place *p, int64_t account, int name) {
  struct question *q = calloc(1, sizeof *q);
  assert_non_null(q);
  assert_false(dns_jobs_full(&p->jobs, account));
  q->place = p;
  q->name = name;
  dns_job_start(&p->jobs, &q->base, account);
}

static void answer(struct place *p, int count) {
  int before = p->finished;
  for (int i = 0; i < count; i++) sem_post(&p->gate);
  loop_lab_until(&p->lab, p->finished == before + count);
}

/* So many run, and no more begin. */
static void expect_asked(struct place *p, int count) {
  loop_lab_until(&p->lab, atomic_load(&p->asked_count) >= count);
  loop_lab_for(&p->lab, 20);
  assert_int_equal(atomic_load(&p->asked_count), count);
}

static void an_account_leaves_a_thread_to_others(void **state) {
  struct place *p = *state;
  for (int i = 0; i < 10; i++) start(p, A, i);
  expect_asked(p, THREADS - 1);
  start(p, B, 100);
  expect_asked(p, THREADS);
  assert_int_equal(p->asked[THREADS - 1], 100);
  start(p, B, 101);
  expect_asked(p, THREADS);
  answer(p, 12);
  loop_lab_until(&p->lab, p->released == 12);
}

static void the_oldest_of_who_has_fewest_is_next(void **state) {
  struct place *p = *state;
  for (int i = 0; i < 6; i++) start(p, A, i);
  start(p, B, 100);
  expect_asked(p, THREADS);
  start(p, B, 101);
  answer(p, 1); /* of either: then A has two, or B none */
  expect_asked(p, THREADS + 1);
  assert_int_equal(p->asked[THREADS], 101);
  for (int i = THREADS - 1; i < 6; i++) { /* what is left is A's, in the order in which it came */
    answer(p, 1);
    expect_asked(p, i + 3);
    assert_int_equal(p->asked[i + 2], i);
  }
  answer(p, 4);
  loop_lab_until(&p->lab, p->released == 8);
}

static void their_number_is_bounded(void **state) {
  struct place *p = *state;
  int n = 0;
  for (; n < DNS_JOBS_MAX / 2; n++) start(p, A, n);
  assert_true(dns_jobs_full(&p->jobs, A));
  for (; n < DNS_JOBS_MAX; n++) start(p, B, n);
  assert_true(dns_jobs_full(&p->jobs, B));
  assert_true(dns_jobs_full(&p->jobs, A + B));
  answer(p, DNS_JOBS_MAX);
  assert_false(dns_jobs_full(&p->jobs, A));
  loop_lab_until(&p->lab, p->released == DNS_JOBS_MAX);
}

int main(void) {
  setenv("UV_THREADPOOL_SIZE", "8", 1);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(an_account_leaves_a_thread_to_others, setup, teardown),
      cmocka_unit_test_setup_teardown(the_oldest_of_who_has_fewest_is_next, setup, teardown),
      cmocka_unit_test_setup_teardown(their_number_is_bounded, setup, teardown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

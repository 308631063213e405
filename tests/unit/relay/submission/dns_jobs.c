/* Checks on the pool: how many there may be, and that each ends once. */
#include "relay/submission/dns_jobs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MORE_THAN_ENOUGH 1000

static uv_sem_t go; /* a job's work ends when somebody posts this */
static size_t finished, released, answered;

static void work(struct dns_job *j, const struct dns_source *dns) {
  (void)j;
  (void)dns;
  uv_sem_wait(&go);
}

static void finish(struct dns_job *j, bool late) {
  (void)j;
  assert_false(late);
  finished++;
}

static void release(struct dns_job *j) {
  released++;
  free(j);
}

static void done(struct dns_wait *w, struct dns_job *j) {
  (void)w;
  (void)j;
  answered++;
}

static const struct dns_job_calls calls = {work, finish, release};

/* Also of checks that no session waits for: they are made for the messages to come. */
static void test_jobs_are_bounded(void **state) {
  (void)state;
  struct loop *loop = calloc(1, sizeof *loop);
  struct gateway gateway = {0};
  struct dns_wait wait = {.done = done};
  struct dns_job *job;
  size_t started = 0;
  assert_non_null(loop);
  loop->gateway = &gateway;
  assert_int_equal(uv_loop_init(&loop->uv), 0);
  assert_int_equal(uv_sem_init(&go, 0), 0);
  struct dns_jobs jobs = {.loop = loop, .calls = &calls};
  for (; started < MORE_THAN_ENOUGH && !dns_jobs_full(&jobs); started++) {
    job = calloc(1, sizeof *job);
    assert_non_null(job);
    dns_job_start(&jobs, job);
    if (!started) dns_job_join(job, &wait);
  }
  assert_in_range(started, 2, MORE_THAN_ENOUGH - 1);
  for (size_t i = 0; i < started; i++) uv_sem_post(&go);
  uv_run(&loop->uv, UV_RUN_DEFAULT);
  assert_int_equal(finished, started);
  assert_int_equal(released, started);
  assert_int_equal(answered, 1);
  assert_false(dns_jobs_full(&jobs));
  assert_int_equal(jobs.count + jobs.running + jobs.waiting, 0);
  assert_int_equal(uv_loop_close(&loop->uv), 0);
  uv_sem_destroy(&go);
  free(loop);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_jobs_are_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

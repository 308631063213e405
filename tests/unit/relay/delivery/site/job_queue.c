#include "relay/delivery/site/job_queue.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MINUTE JOB_PRIORITY_STEP_US

static struct job *job(int64_t id, int priority, int64_t deadline_us) {
  struct envelope m = {.id = id, .priority = priority, .deliver_by_us = deadline_us};
  if (deadline_us) m.flags = MESSAGE_BY_RETURN;
  struct job *j = job_new(&m, "x.example");
  assert_non_null(j);
  return j;
}

static void expect(struct job_queue *q, int64_t id) {
  struct job *j = job_queue_take(q);
  assert_non_null(j);
  assert_int_equal(j->envelope.id, id);
  job_free(&j);
}

static void test_priority_then_age(void **state) {
  (void)state;
  struct job_queue q = {0};
  job_queue_add(&q, job(1, 0, 0), 0);
  job_queue_add(&q, job(2, 0, 0), 1);
  job_queue_add(&q, job(3, 9, 0), 2);
  job_queue_add(&q, job(4, -9, 0), 3);
  job_queue_add(&q, job(5, 3, 0), 4);
  job_queue_add(&q, job(6, 9, 0), 5);
  static const int64_t order[] = {3, 6, 5, 1, 2, 4};
  for (size_t i = 0; i < 6; i++) {
    assert_int_equal(job_queue_first(&q)->envelope.id, order[i]);
    expect(&q, order[i]);
  }
  assert_null(job_queue_first(&q));
  assert_null(job_queue_take(&q));
  assert_int_equal(q.count, 0);
}

static void test_nobody_starves(void **state) {
  (void)state;
  struct job_queue q = {0};
  job_queue_add(&q, job(1, -9, 0), 0);
  int64_t now = 0, highs = 0;
  struct job *j = NULL;
  for (;; now += MINUTE / 2) { /* one comes, one goes */
    job_queue_add(&q, job(2, 9, 0), now);
    j = job_queue_take(&q);
    bool low = j->envelope.id == 1;
    job_free(&j);
    if (low) break;
    highs++;
  }
  assert_int_equal(now, 18 * MINUTE + MINUTE / 2);
  assert_int_equal(highs, 37);
  while ((j = job_queue_take(&q))) job_free(&j);
}

static void test_put_back(void **state) {
  (void)state;
  struct job_queue q = {0};
  job_queue_add(&q, job(1, 0, 0), 0);
  job_queue_add(&q, job(2, 0, 0), 1);
  struct job *first = job_queue_take(&q);
  job_queue_add(&q, job(3, 5, 0), 2);
  job_queue_put_back(&q, first);
  expect(&q, 3);
  expect(&q, 1);
  expect(&q, 2);
}

static void test_overdue(void **state) {
  (void)state;
  struct job_queue q = {0};
  job_queue_add(&q, job(1, 0, 0), 0);
  job_queue_add(&q, job(2, 0, 50), 0);
  job_queue_add(&q, job(3, 9, 90), 0);
  assert_int_equal(q.deadlines, 2);
  assert_null(job_queue_take_overdue(&q, 49));
  struct job *j = job_queue_take_overdue(&q, 50);
  assert_int_equal(j->envelope.id, 2);
  job_free(&j);
  assert_null(job_queue_take_overdue(&q, 50));
  assert_int_equal(q.deadlines, 1);
  expect(&q, 3);
  assert_int_equal(q.deadlines, 0);
  expect(&q, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_priority_then_age), cmocka_unit_test(test_nobody_starves),
                                     cmocka_unit_test(test_put_back), cmocka_unit_test(test_overdue)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

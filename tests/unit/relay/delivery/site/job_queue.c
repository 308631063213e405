#include "relay/delivery/site/job_queue.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MINUTE JOB_PRIORITY_STEP_US

static struct job *job(int64_t id, int priority, int64_t deadline_us) {
  struct envelope m = {.id = id, .account = "blog", .priority = priority, .deliver_by_us = deadline_us};
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
  assert_int_equal(job_queue_add(&q, job(1, 0, 0), 0), OK);
  assert_int_equal(job_queue_add(&q, job(2, 0, 0), 1), OK);
  assert_int_equal(job_queue_add(&q, job(3, 9, 0), 2), OK);
  assert_int_equal(job_queue_add(&q, job(4, -9, 0), 3), OK);
  assert_int_equal(job_queue_add(&q, job(5, 3, 0), 4), OK);
  assert_int_equal(job_queue_add(&q, job(6, 9, 0), 5), OK);
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
  assert_int_equal(job_queue_add(&q, job(1, -9, 0), 0), OK);
  int64_t now = 0, highs = 0;
  struct job *j = NULL;
  for (;; now += MINUTE / 2) { /* one comes, one goes */
    assert_int_equal(job_queue_add(&q, job(2, 9, 0), now), OK);
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
  assert_int_equal(job_queue_add(&q, job(1, 0, 0), 0), OK);
  assert_int_equal(job_queue_add(&q, job(2, 0, 0), 1), OK);
  struct job *first = job_queue_take(&q);
  assert_int_equal(job_queue_add(&q, job(3, 5, 0), 2), OK);
  assert_int_equal(job_queue_put_back(&q, first), OK);
  expect(&q, 3);
  expect(&q, 1);
  expect(&q, 2);
}

static void test_overdue(void **state) {
  (void)state;
  struct job_queue q = {0};
  assert_int_equal(job_queue_add(&q, job(1, 0, 0), 0), OK);
  assert_int_equal(job_queue_add(&q, job(2, 0, 50), 0), OK);
  assert_int_equal(job_queue_add(&q, job(3, 9, 90), 0), OK);
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

/* --- whose turn it is --- */

static struct job *job_of(const char *account, bool bulk, int64_t id, size_t recipients) {
  struct envelope m = {.id = id, .account = account, .flags = bulk ? MESSAGE_BULK : 0};
  struct job *j = job_new(&m, "x.example");
  assert_non_null(j);
  for (size_t i = 0; i < recipients; i++)
    assert_int_equal(job_add_recipient(j, &(struct queued_recipient){.to = {.id = 1, .address = "a@x.example"}}), OK);
  return j;
}

static void put(struct job_queue *q, const char *account, bool bulk, int64_t id, size_t recipients) {
  assert_int_equal(job_queue_add(q, job_of(account, bulk, id, recipients), id), OK);
}

static void drain(struct job_queue *q) {
  struct job *j;
  while ((j = job_queue_take(q))) job_free(&j);
  assert_int_equal(q->count, 0);
  assert_null(q->table);
}

static void test_one_message_behind_many(void **state) {
  (void)state;
  struct job_queue q = {0};
  for (int64_t i = 0; i < 10000; i++) put(&q, "hog", false, 1000 + i, 1);
  for (int64_t i = 0; i < 100; i++) expect(&q, 1000 + i);
  put(&q, "small", false, 1, 1);
  size_t before = 0;
  for (bool found = false; !found; before += !found) {
    struct job *j = job_queue_take(&q);
    found = j->envelope.id == 1;
    job_free(&j);
  }
  assert_true(before <= 1);
  drain(&q);
}

/* A job costs as many turns as it has recipients. */
static void test_many_recipients_cost_as_much(void **state) {
  (void)state;
  struct job_queue q = {0};
  size_t recipients[2] = {0, 0};
  for (int64_t i = 0; i < 100; i++) put(&q, "wide", false, 1000 + i, 50);
  for (int64_t i = 0; i < 5000; i++) put(&q, "narrow", false, 10000 + i, 1);
  for (int i = 0; i < 2000; i++) {
    struct job *j = job_queue_take(&q);
    recipients[j->envelope.id >= 10000] += j->recipient_count;
    job_free(&j);
  }
  assert_in_range(recipients[0], recipients[1] - 60, recipients[1] + 60);
  drain(&q);
}

static void test_bulk_after_transactional_but_never_never(void **state) {
  (void)state;
  struct job_queue q = {0};
  size_t bulk = 0;
  for (int64_t i = 0; i < 1000; i++) put(&q, "blog", true, 1 + i, 1);
  for (int64_t i = 0; i < 1000; i++) put(&q, "blog", false, 10000 + i, 1);
  for (int i = 0; i < 1000; i++) {
    struct job *j = job_queue_take(&q);
    bulk += j->envelope.id < 10000;
    job_free(&j);
  }
  assert_int_equal(bulk, 1000 / TURNS_BULK);
  drain(&q);
}

/* What comes back has cost nothing, and is the next again. */
static void test_put_back_keeps_the_turn(void **state) {
  (void)state;
  struct job_queue q = {0};
  put(&q, "a", false, 1, 30);
  put(&q, "b", false, 2, 1);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(job_queue_first(&q)->envelope.id, 1);
    struct job *j = job_queue_take(&q);
    assert_int_equal(job_queue_put_back(&q, j), OK);
  }
  expect(&q, 1);
  expect(&q, 2);
  assert_null(q.table);
}

/* Random: equal lanes that always have mail get equal shares, and nothing is lost. */
static void test_equal_shares(void **state) {
  (void)state;
  struct job_queue q = {0};
  unsigned seed = 7;
  size_t served[5] = {0}, waiting[5] = {0};
  int64_t in = 0, out = 0;
  for (int i = 0; i < 20000; i++) {
    for (int a = 0; a < 5; a++)
      for (; waiting[a] < 20; waiting[a]++, in++) {
        char account[16];
        snprintf(account, sizeof account, "a%d", a);
        put(&q, account, false, a, 1 + (size_t)(rand_r(&seed) % (a + 1)) * 7);
      }
    struct job *j = job_queue_take(&q);
    if (i >= 500) served[j->envelope.id] += j->recipient_count;
    if (rand_r(&seed) % 8 == 0) {
      if (i >= 500) served[j->envelope.id] -= j->recipient_count;
      assert_int_equal(job_queue_put_back(&q, j), OK);
      continue;
    }
    out++;
    waiting[j->envelope.id]--;
    job_free(&j);
  }
  assert_int_equal(in, out + (int64_t)q.count);
  for (int a = 1; a < 5; a++) assert_in_range(served[a], served[0] * 9 / 10, served[0] * 11 / 10);
  drain(&q);
}

/* --- what is ahead --- */

#define WALKED_MAX 400

struct walked {
  int64_t ids[WALKED_MAX];
  struct job_ahead ahead[WALKED_MAX];
  char lane[WALKED_MAX][LANE_TEXT], other[WALKED_MAX][LANE_TEXT];
  size_t count;
};

static void note_visit(void *arg, const struct job *j, const struct job_ahead *ahead) {
  struct walked *w = arg;
  assert_true(w->count < WALKED_MAX);
  w->ids[w->count] = j->envelope.id;
  w->ahead[w->count] = *ahead;
  envelope_lane(&j->envelope, w->lane[w->count]);
  snprintf(w->other[w->count], LANE_TEXT, "%s", ahead->other ? ahead->other : "");
  w->count++;
}

/* Against a count of its own: of every lane among those that were visited before. */
static void check_ahead(const struct walked *w, size_t at) {
  size_t own = 0, of_other = 0, most = 0;
  for (size_t i = 0; i < at; i++) {
    size_t same = 0;
    own += strcmp(w->lane[i], w->lane[at]) == 0;
    of_other += *w->other[at] && strcmp(w->lane[i], w->other[at]) == 0;
    for (size_t k = 0; k < at; k++) same += strcmp(w->lane[k], w->lane[i]) == 0;
    if (strcmp(w->lane[i], w->lane[at]) != 0 && same > most) most = same;
  }
  assert_int_equal(w->ahead[at].all, at);
  assert_int_equal(w->ahead[at].own, own);
  assert_int_equal(w->ahead[at].of_other, most);
  assert_int_equal(of_other, most);
  assert_string_not_equal(w->other[at], w->lane[at]);
}

static void test_in_order(void **state) {
  (void)state;
  static struct walked w;
  unsigned seed = 11;
  for (int round = 0; round < 60; round++) {
    struct job_queue q = {0};
    w.count = 0;
    int jobs = rand_r(&seed) % (WALKED_MAX / 2), lanes = 1 + rand_r(&seed) % 6;
    for (int i = 0; i < jobs; i++) {
      char account[16];
      snprintf(account, sizeof account, "a%d", rand_r(&seed) % lanes);
      struct job *j = job_of(account, rand_r(&seed) % 3 == 0, i + 1, 1 + (size_t)(rand_r(&seed) % 9));
      j->envelope.priority = rand_r(&seed) % 5 ? 0 : rand_r(&seed) % 19 - 9;
      assert_int_equal(job_queue_add(&q, j, i * MINUTE / 7), OK);
      if (rand_r(&seed) % 4 == 0 && (j = job_queue_take(&q))) job_free(&j); /* credits that are not even */
    }
    size_t count = q.count;
    assert_int_equal(job_queue_in_order(&q, note_visit, &w), OK);
    assert_int_equal(w.count, count);
    for (size_t i = 0; i < count; i++) {
      check_ahead(&w, i);
      expect(&q, w.ids[i]);
    }
    assert_int_equal(q.count, 0);
  }
}

/* The next of the same message, of another domain; it takes its turn. */
static void test_take_same(void **state) {
  (void)state;
  struct job_queue q = {0};
  for (int64_t id = 1; id <= 3; id++)
    for (int i = 0; i < 2; i++) assert_int_equal(job_queue_add(&q, job(id, 0, 0), 0), OK);
  struct job *first = job_queue_take(&q), *same = job_queue_take_same(&q, first, 100);
  assert_non_null(same);
  assert_int_equal(same->envelope.id, 1);
  assert_null(job_queue_take_same(&q, first, 100));
  job_free(&same);
  job_free(&first);
  first = job_queue_take(&q);
  first->alone = true;
  assert_null(job_queue_take_same(&q, first, 100));
  job_free(&first);
  expect(&q, 2);
  expect(&q, 3);
  first = job_queue_take(&q);
  assert_null(job_queue_take_same(&q, first, 100)); /* nothing is left, not even its lane */
  job_free(&first);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_priority_then_age),
                                     cmocka_unit_test(test_take_same),
                                     cmocka_unit_test(test_nobody_starves),
                                     cmocka_unit_test(test_put_back),
                                     cmocka_unit_test(test_overdue),
                                     cmocka_unit_test(test_one_message_behind_many),
                                     cmocka_unit_test(test_many_recipients_cost_as_much),
                                     cmocka_unit_test(test_bulk_after_transactional_but_never_never),
                                     cmocka_unit_test(test_put_back_keeps_the_turn),
                                     cmocka_unit_test(test_equal_shares),
                                     cmocka_unit_test(test_in_order)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

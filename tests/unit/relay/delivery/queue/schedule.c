#include "base/result.h"
#include "relay/delivery/queue/in_flight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h> /* last: it has a macro named fail */

static struct job *new_job(int64_t first_id, size_t count) {
  struct envelope m = {.id = 1, .account = "a", .pool = "default", .reverse_path = ""};
  struct job *j = job_new(&m, "x.example");
  for (size_t i = 0; i < count; i++)
    assert_int_equal(
        job_add_recipient(j, &(struct queued_recipient){.to = {.id = first_id + (int64_t)i, .address = "a@x.example"}}),
        OK);
  return j;
}

/* The clock jumps: the order stays, and what has no moment gets none. */
static void test_shift(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  struct queue_domain *none = schedule_get(&l, "none"), *late = schedule_get(&l, "late"),
                      *early = schedule_get(&l, "e");
  schedule_due(&l, late, 2000);
  schedule_pause(&l, late, 3000);
  schedule_deadline(&l, late, 2500);
  schedule_due(&l, early, 1000);
  static const int64_t jumps[] = {INT64_C(157680000000000), -INT64_C(157680000000000)};
  for (size_t i = 0; i < 2; i++) {
    int64_t by = i ? 0 : jumps[0];
    schedule_shift(&l, jumps[i]);
    assert_ptr_equal(schedule_first(&l), early);
    assert_int_equal(schedule_moment(early), 1000 + by);
    assert_int_equal(early->paused_us, 0);
    assert_int_equal(late->due_us, 2000 + by);
    assert_int_equal(late->paused_us, 3000 + by);
    assert_int_equal(schedule_moment(late), 2500 + by);
    assert_int_equal(none->due_us, INT64_MAX);
  }
  schedule_free(&l);
}

static void test_order_of_moments(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  unsigned seed = 1;
  for (int i = 0; i < 1000; i++) {
    char name[32];
    snprintf(name, sizeof name, "d%d.example", rand_r(&seed) % 200);
    struct queue_domain *domain = schedule_get(&l, name);
    schedule_due(&l, domain, rand_r(&seed) % 100000);
    if (i % 3 == 0) schedule_pause(&l, domain, rand_r(&seed) % 200000);
    if (i % 7 == 0) schedule_pause(&l, domain, 0);
  }
  int64_t last = 0;
  size_t seen = 0;
  for (struct queue_domain *domain = schedule_first(&l); domain; domain = schedule_first(&l)) {
    assert_true(schedule_moment(domain) >= last);
    last = schedule_moment(domain);
    schedule_begin_read(&l, domain, 0);
    schedule_end_read(&l, domain);
    schedule_tidy(&l, domain);
    seen++;
  }
  assert_true(seen > 100 && seen <= 200);
  assert_null(l.table);
  schedule_free(&l);
}

static void test_due_is_the_earliest_known(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  struct queue_domain *domain = schedule_get(&l, "x.example");
  assert_null(schedule_first(&l));
  schedule_due(&l, domain, 50);
  schedule_due(&l, domain, 70);
  assert_int_equal(schedule_moment(schedule_first(&l)), 50);
  schedule_pause(&l, domain, 60);
  assert_int_equal(schedule_moment(schedule_first(&l)), 60);
  schedule_begin_read(&l, domain, 0);
  assert_null(schedule_first(&l));
  schedule_due(&l, domain, 80); /* while it is read: kept for after */
  assert_null(schedule_first(&l));
  schedule_end_read(&l, domain);
  assert_int_equal(schedule_moment(schedule_first(&l)), 80);
  schedule_free(&l);
}

static void test_nothing_is_in_flight_twice(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  struct queue_domain *domain = schedule_get(&l, "x.example");
  struct job *a = new_job(1, 3), *b = new_job(2, 3);
  in_flight_add(&l, domain, a);
  in_flight_add(&l, domain, b);
  assert_int_equal(a->recipient_count, 3);
  assert_int_equal(b->recipient_count, 1);
  assert_int_equal(b->recipients[0].to.id, 4);
  assert_int_equal(domain->in_flight, 4);
  in_flight_remove(&l, a);
  in_flight_remove(&l, b);
  assert_int_equal(domain->in_flight, 0);
  assert_int_equal(l.in_flight, 0);
  job_free(&a);
  job_free(&b);
  schedule_free(&l);
}

/* Rows are read, meanwhile their delivery ends: what was read is older than the outcome and must not be tried again. */
static void test_ended_while_read(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  struct queue_domain *domain = schedule_get(&l, "x.example");
  struct job *a = new_job(1, 2), *read_then = new_job(1, 3), *read_later = new_job(1, 1);
  in_flight_add(&l, domain, a);
  schedule_begin_read(&l, domain, 0);
  in_flight_remove(&l, a);
  assert_int_equal(l.in_flight, 0);
  schedule_tidy(&l, domain); /* being read: stays */
  in_flight_add(&l, domain, read_then);
  assert_int_equal(read_then->recipient_count, 1);
  assert_int_equal(read_then->recipients[0].to.id, 3);
  schedule_end_read(&l, domain);
  in_flight_forget_ended(&l);
  in_flight_add(&l, domain, read_later);
  assert_int_equal(read_later->recipient_count, 1);
  assert_int_equal(l.in_flight, 2);
  job_free(&a);
  job_free(&read_then);
  job_free(&read_later);
  schedule_free(&l);
}

static void test_room_is_left_for_the_next(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  for (int i = 0; i < 12; i++) {
    char name[32];
    snprintf(name, sizeof name, "hog%d.example", i);
    struct queue_domain *domain = schedule_get(&l, name);
    size_t room = schedule_room(&l, domain);
    assert_true(room > 0 && room <= DOMAIN_IN_FLIGHT_MAX);
    struct job *j = new_job((i + 1) * 1000000, room);
    in_flight_add(&l, domain, j);
    job_free(&j);
  }
  assert_true(l.in_flight < SCHEDULE_RECIPIENTS_MAX);
  schedule_free(&l);
}

static bool odd(void *arg, size_t index) {
  (void)arg;
  return index % 2;
}

static void test_split_job(void **state) {
  (void)state;
  struct job *j = new_job(10, 5);
  struct job *part = job_split(j, odd, NULL);
  assert_int_equal(j->recipient_count, 3);
  assert_int_equal(part->recipient_count, 2);
  assert_int_equal(part->recipients[1].to.id, 13);
  assert_int_equal(j->recipients[2].to.id, 14);
  for (int i = 0; i < 20; i++)
    assert_int_equal(job_add_recipient(part, &(struct queued_recipient){.to = {.id = 100 + i, .address = "b@x.example"},
                                                                        .attempts = 1}),
                     OK);
  assert_int_equal(job_add_recipient(part, &(struct queued_recipient){.to = {.id = 1, .address = "b@x.example\r\nDATA"},
                                                                      .attempts = 1}),
                   E_SYNTAX);
  assert_int_equal(part->recipient_count, 22);
  job_free(&j);
  job_free(&part);
}

static void test_deadlines_pass_through_a_pause(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  struct queue_domain *domain = schedule_get(&l, "x.example");
  schedule_due(&l, domain, 10);
  schedule_pause(&l, domain, 100);
  static const int64_t deadlines[] = {90, 30, 150, 30, 60, INT64_MAX, 20, 95};
  for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) schedule_deadline(&l, domain, deadlines[i]);
  static const int64_t order[] = {20, 30, 60, 90};
  for (size_t i = 0; i < 4; i++) {
    assert_ptr_equal(schedule_first(&l), domain);
    assert_int_equal(schedule_moment(domain), order[i]);
    schedule_begin_read(&l, domain, order[i]);
    schedule_due(&l, domain, order[i]);
    schedule_end_read(&l, domain);
  }
  assert_int_equal(schedule_moment(domain), 100);
  schedule_free(&l);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_deadlines_pass_through_a_pause),
      cmocka_unit_test(test_shift),
      cmocka_unit_test(test_order_of_moments),
      cmocka_unit_test(test_due_is_the_earliest_known),
      cmocka_unit_test(test_nothing_is_in_flight_twice),
      cmocka_unit_test(test_ended_while_read),
      cmocka_unit_test(test_room_is_left_for_the_next),
      cmocka_unit_test(test_split_job),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

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
  struct queue_lane *none = schedule_get(&l, "none", "blog"), *late = schedule_get(&l, "late", "blog"),
                    *early = schedule_get(&l, "e", "blog");
  schedule_due(&l, late, 2000);
  schedule_pause(&l, late->domain, 3000);
  schedule_deadline(&l, late, 2500);
  schedule_due(&l, early, 1000);
  static const int64_t jumps[] = {INT64_C(157680000000000), -INT64_C(157680000000000)};
  for (size_t i = 0; i < 2; i++) {
    int64_t by = i ? 0 : jumps[0];
    schedule_shift(&l, jumps[i]);
    assert_ptr_equal(schedule_first(&l), early);
    assert_int_equal(schedule_moment(early), 1000 + by);
    assert_int_equal(early->domain->paused_us, 0);
    assert_int_equal(late->due_us, 2000 + by);
    assert_int_equal(late->domain->paused_us, 3000 + by);
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
    struct queue_lane *lane = schedule_get(&l, name, "blog");
    schedule_due(&l, lane, rand_r(&seed) % 100000);
    if (i % 3 == 0) schedule_pause(&l, lane->domain, rand_r(&seed) % 200000);
    if (i % 7 == 0) schedule_pause(&l, lane->domain, 0);
  }
  int64_t last = 0;
  size_t seen = 0;
  for (struct queue_lane *lane = schedule_first(&l); lane; lane = schedule_first(&l)) {
    assert_true(schedule_moment(lane) >= last);
    last = schedule_moment(lane);
    schedule_begin_read(&l, lane, 0);
    schedule_end_read(&l, lane);
    schedule_tidy(&l, lane);
    seen++;
  }
  assert_true(seen > 100 && seen <= 200);
  assert_null(l.domains);
  schedule_free(&l);
}

static void test_due_is_the_earliest_known(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  struct queue_lane *lane = schedule_get(&l, "x.example", "blog");
  assert_null(schedule_first(&l));
  schedule_due(&l, lane, 50);
  schedule_due(&l, lane, 70);
  assert_int_equal(schedule_moment(schedule_first(&l)), 50);
  schedule_pause(&l, lane->domain, 60);
  assert_int_equal(schedule_moment(schedule_first(&l)), 60);
  schedule_begin_read(&l, lane, 0);
  assert_null(schedule_first(&l));
  schedule_due(&l, lane, 80); /* while it is read: kept for after */
  assert_null(schedule_first(&l));
  schedule_end_read(&l, lane);
  assert_int_equal(schedule_moment(schedule_first(&l)), 80);
  schedule_free(&l);
}

static void test_nothing_is_in_flight_twice(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  struct queue_lane *lane = schedule_get(&l, "x.example", "blog");
  struct job *a = new_job(1, 3), *b = new_job(2, 3);
  in_flight_add(&l, lane, a);
  in_flight_add(&l, lane, b);
  assert_int_equal(a->recipient_count, 3);
  assert_int_equal(b->recipient_count, 1);
  assert_int_equal(b->recipients[0].to.id, 4);
  assert_int_equal(lane->in_flight, 4);
  in_flight_remove(&l, a);
  in_flight_remove(&l, b);
  assert_int_equal(lane->in_flight, 0);
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
  struct queue_lane *lane = schedule_get(&l, "x.example", "blog");
  struct job *a = new_job(1, 2), *read_then = new_job(1, 3), *read_later = new_job(1, 1);
  in_flight_add(&l, lane, a);
  schedule_begin_read(&l, lane, 0);
  in_flight_remove(&l, a);
  assert_int_equal(l.in_flight, 0);
  schedule_tidy(&l, lane); /* being read: stays */
  in_flight_add(&l, lane, read_then);
  assert_int_equal(read_then->recipient_count, 1);
  assert_int_equal(read_then->recipients[0].to.id, 3);
  schedule_end_read(&l, lane);
  in_flight_forget_ended(&l);
  in_flight_add(&l, lane, read_later);
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
    struct queue_lane *lane = schedule_get(&l, name, name);
    size_t room = schedule_room(&l, lane);
    assert_true(room > 0 && room <= DOMAIN_IN_FLIGHT_MAX);
    struct job *j = new_job((i + 1) * 1000000, room);
    in_flight_add(&l, lane, j);
    job_free(&j);
  }
  assert_true(l.in_flight < SCHEDULE_RECIPIENTS_MAX);
  schedule_free(&l);
}

/* However much one account has, for one domain or for all, another's mail finds room. */
static void test_room_is_left_for_the_next_account(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  int64_t id = 1;
  for (int i = 0; i < 12; i++) {
    char name[32];
    snprintf(name, sizeof name, "d%d.example", i);
    struct queue_lane *hog = schedule_get(&l, name, "hog");
    size_t room = schedule_room(&l, hog);
    struct job *j = new_job(id, room);
    id += (int64_t)room;
    if (room) in_flight_add(&l, hog, j);
    job_free(&j);
    assert_int_equal(hog->in_flight, room);
    assert_int_equal(schedule_room(&l, hog), 0);
    assert_true(schedule_room(&l, schedule_get(&l, name, "blog")) >= 100);
    assert_true(schedule_room(&l, schedule_get(&l, name, "hog/bulk")) >= 100);
  }
  assert_true(l.in_flight <= SCHEDULE_RECIPIENTS_MAX / 2);
  schedule_free(&l);
}

static void test_a_pause_is_the_whole_domains(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  static const char *const names[] = {"a", "b", "c/bulk"};
  struct queue_lane *lanes[3], *other = schedule_get(&l, "y.example", "a");
  for (int64_t i = 0; i < 3; i++) {
    lanes[i] = schedule_get(&l, "x.example", names[i]);
    schedule_due(&l, lanes[i], 10 * i);
  }
  schedule_due(&l, other, 500);
  schedule_pause(&l, lanes[0]->domain, 1000);
  assert_ptr_equal(schedule_first(&l), other);
  schedule_pause(&l, lanes[0]->domain, 5);
  for (int64_t i = 0; i < 3; i++) {
    assert_ptr_equal(schedule_first(&l), lanes[i]);
    assert_int_equal(schedule_moment(lanes[i]), i ? 10 * i : 5);
    schedule_begin_read(&l, lanes[i], 0);
    schedule_end_read(&l, lanes[i]);
    schedule_tidy(&l, lanes[i]);
  }
  assert_null(schedule_find_domain(&l, "x.example"));
  assert_ptr_equal(schedule_find(&l, "y.example", "a"), other);
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
  struct queue_lane *lane = schedule_get(&l, "x.example", "blog");
  schedule_due(&l, lane, 10);
  schedule_pause(&l, lane->domain, 100);
  static const int64_t deadlines[] = {90, 30, 150, 30, 60, INT64_MAX, 20, 95};
  for (size_t i = 0; i < sizeof deadlines / sizeof *deadlines; i++) schedule_deadline(&l, lane, deadlines[i]);
  static const int64_t order[] = {20, 30, 60, 90};
  for (size_t i = 0; i < 4; i++) {
    assert_ptr_equal(schedule_first(&l), lane);
    assert_int_equal(schedule_moment(lane), order[i]);
    schedule_begin_read(&l, lane, order[i]);
    schedule_due(&l, lane, order[i]);
    schedule_end_read(&l, lane);
  }
  assert_int_equal(schedule_moment(lane), 100);
  schedule_free(&l);
}

/* What waits for the probe of its site is read when that is due, or answered; a deadline goes before. */
static void test_waits_for_a_probe(void **state) {
  (void)state;
  struct schedule l;
  schedule_init(&l);
  struct queue_lane *parked = schedule_get(&l, "parked", "blog"), *deferred = schedule_get(&l, "deferred", "blog"),
                    *other = schedule_get(&l, "other", "blog");
  schedule_due(&l, parked, 1000);
  schedule_wait(&l, parked, 5000);
  assert_int_equal(schedule_moment(parked), 5000);
  schedule_deadline(&l, parked, 3000);
  assert_int_equal(schedule_moment(parked), 3000);
  schedule_begin_read(&l, parked, 3000);
  schedule_end_read(&l, parked);
  schedule_due(&l, parked, 1000);
  schedule_due(&l, deferred, 5000);
  schedule_due(&l, other, 4000);
  deferred->site_key = 7;
  schedule_move_waits(&l, 5000, 9000);
  assert_int_equal(schedule_moment(parked), 9000);
  assert_ptr_equal(schedule_first(&l), other);
  schedule_shift(&l, 100);
  schedule_release(&l, 7, 9100, 5100, 2000);
  assert_int_equal(schedule_moment(parked), 1100);
  assert_int_equal(schedule_moment(deferred), 2000);
  assert_int_equal(schedule_moment(other), 4100); /* of another site */
  assert_int_equal(parked->over_us, 5100);
  assert_int_equal(deferred->over_us, 5100);
  assert_int_equal(other->over_us, 0);
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
      cmocka_unit_test(test_room_is_left_for_the_next_account),
      cmocka_unit_test(test_a_pause_is_the_whole_domains),
      cmocka_unit_test(test_waits_for_a_probe),
      cmocka_unit_test(test_split_job),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

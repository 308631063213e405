/* The queue's times after the clock was set: every way in which it can have been wrong. */
#include "tests/unit/store_lab.h"

#define HOUR (3600 * SECOND_US)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)
#define LIFE (12 * DAY) /* 5 days to expire after 7 of hold */

struct times {
  int64_t created, expires, by, next, not_before;
};

static struct times times_of(struct lab *l, const struct letter *m) {
  char sql[200];
  struct times t;
  int64_t *const values[] = {&t.created, &t.expires, &t.by};
  static const char *const names[] = {"created_us", "expires_us", "deliver_by_us"};
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    snprintf(sql, sizeof sql, "SELECT %s FROM messages WHERE id = %lld", names[i], (long long)letter_id(m));
    *values[i] = lab_number(l->dir, sql);
  }
  snprintf(sql, sizeof sql, "SELECT next_us FROM recipients WHERE message_id = %lld", (long long)letter_id(m));
  t.next = lab_number(l->dir, sql);
  snprintf(sql, sizeof sql, "SELECT not_before_us FROM recipients WHERE message_id = %lld", (long long)letter_id(m));
  t.not_before = lab_number(l->dir, sql);
  return t;
}

static struct letter keep(struct lab *l, const struct times *t, unsigned attempts) {
  struct letter m;
  char sql[200];
  letter_make(&m, "blog", "a@b.example");
  m.accept.message.envelope.created_us = t->created;
  m.accept.message.envelope.expires_us = t->expires;
  m.accept.message.envelope.deliver_by_us = t->by;
  m.accept.message.first_attempt_us = t->next;
  m.accept.message.not_before_us = t->not_before;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  snprintf(sql, sizeof sql, "UPDATE recipients SET attempts = %u WHERE message_id = %lld", attempts,
           (long long)letter_id(&m));
  lab_exec(l->dir, sql);
  return m;
}

static struct store_clock check(struct lab *l, int64_t now, int64_t jump) {
  struct store_clock c = {
      .now_us = now, .jump_us = jump, .away_us = DAY, .retry_us = 5 * HOUR, .hold_us = 9 * DAY, .life_us = LIFE};
  store_clock_init(&c);
  assert_int_equal(lab_run(&l->poster, &c.op), OK);
  return c;
}

static void assert_times(struct lab *l, const struct letter *m, const struct times *wanted) {
  struct times t = times_of(l, m);
  assert_int_equal(t.created - wanted->created, 0);
  assert_int_equal(t.expires - wanted->expires, 0);
  assert_int_equal(t.by - wanted->by, 0);
  assert_int_equal(t.next - wanted->next, 0);
  assert_int_equal(t.not_before - wanted->not_before, 0);
}

static struct times moved(const struct times *t, int64_t by) {
  return (struct times){t->created + by, t->expires + by, t->by ? t->by + by : 0, t->next + by,
                        t->not_before ? t->not_before + by : 0};
}

static void right_clock_changes_nothing(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us();
  static const unsigned attempts[] = {0, 3};
  for (size_t i = 0; i < 2; i++) {
    struct times t = {now - 2 * DAY, now + 3 * DAY, 0, now + 4 * HOUR},
                 held = {now, now + LIFE, 0, now + 7 * DAY, now + 7 * DAY};
    struct letter m = keep(l, &t, attempts[i]), h = keep(l, &held, 0);
    assert_int_equal(check(l, now, 0).changed, 0);
    assert_times(l, &m, &t);
    assert_times(l, &h, &held);
  }
}

/* 2031, and back: noticed at once. And the other way, 1970 and then the right time. */
static void jump_moves_all_of_the_old_clock(void **state) {
  struct lab *l = *state;
  int64_t right = clock_now_us();
  static const int64_t jumps[] = {5 * YEAR, -5 * YEAR, 56 * YEAR, -3 * HOUR, 3 * HOUR};
  for (size_t i = 0; i < COUNT_OF(jumps); i++) {
    int64_t before = right - jumps[i];
    struct times old = {before - 2 * DAY, before + 3 * DAY, before + HOUR, before + 2 * HOUR, before + HOUR};
    struct times fresh = {right, right + 5 * DAY, 0, right + 30 * SECOND_US};
    if (jumps[i] < 0) old.created = before; /* what is older than the jump is of neither clock */
    struct letter a = keep(l, &old, 2), b = keep(l, &fresh, 0);
    assert_true(check(l, right, jumps[i]).changed >= 2);
    old = moved(&old, jumps[i]);
    assert_times(l, &a, &old);
    assert_times(l, &b, &fresh);
    lab_exec(l->dir, "DELETE FROM recipients; DELETE FROM messages");
  }
}

static void there_and_back_is_as_before(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us(), wrong = now + 5 * YEAR;
  struct times t = {now - DAY, now + 4 * DAY, now + DAY, now + HOUR};
  struct letter m = keep(l, &t, 2);
  check(l, wrong, 5 * YEAR);
  struct times there = moved(&t, 5 * YEAR);
  assert_times(l, &m, &there);
  check(l, now, -5 * YEAR);
  assert_times(l, &m, &t);
}

/* Nobody noticed: the gateway was started after the clock had been set right. */
static void messages_from_ahead_begin_now(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us(), wrong = now + 5 * YEAR;
  struct times fresh = {wrong, wrong + 5 * DAY, wrong + DAY, wrong + 30 * SECOND_US};
  struct times held = {wrong, wrong + LIFE, 0, wrong + 7 * DAY, wrong + 7 * DAY}; /* RFC 4865: not early */
  struct times tried = {wrong - DAY, wrong + 4 * DAY, 0, wrong + 4 * HOUR};
  struct letter a = keep(l, &fresh, 0), b = keep(l, &held, 0), c = keep(l, &tried, 4);
  check(l, now, 0);
  fresh = moved(&fresh, -5 * YEAR);
  held = moved(&held, -5 * YEAR);
  assert_times(l, &a, &fresh);
  assert_times(l, &b, &held);
  tried = (struct times){now, now + 5 * DAY, 0, now}; /* a wait of 28 hours after an attempt cannot be */
  assert_times(l, &c, &tried);
}

static void a_wait_that_cannot_be_ends(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us();
  struct times t = {now - DAY, now + 4 * DAY, 0, now + 5 * YEAR, now + 5 * YEAR},
               lives = {now - DAY, now + 5 * YEAR, 0, now + HOUR};
  struct letter deferred = keep(l, &t, 4), stopped = keep(l, &t, 0), long_lived = keep(l, &lives, 1);
  check(l, now, 0);
  t.next = t.not_before = now; /* held and released, it does not wait, either */
  assert_times(l, &deferred, &t);
  assert_times(l, &stopped, &t);
  lives.expires = now + LIFE;
  assert_times(l, &long_lived, &lives);
}

/* Started with a clock that is ahead, or after a long time: its mail is tried, and not expired for that. */
static void time_away_is_no_age(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us();
  struct times t = {now - DAY, now + 4 * DAY, now + DAY, now + HOUR};
  struct letter m = keep(l, &t, 20);
  check(l, now + 5 * YEAR, 0);
  assert_int_equal(times_of(l, &m).created, t.created);
  assert_int_equal(times_of(l, &m).by, t.by); /* the sender's own deadline stands (RFC 2852) */
  int64_t left = times_of(l, &m).expires - (now + 5 * YEAR);
  assert_true(left > 3 * DAY && left <= 4 * DAY + HOUR);
  check(l, now, 0); /* and it is set right while the gateway is stopped again */
  assert_true(times_of(l, &m).expires <= now + LIFE);
  assert_true(times_of(l, &m).next <= now + HOUR);
}

static void an_hour_away_is_age(void **state) {
  struct lab *l = *state;
  int64_t now = clock_now_us();
  struct times t = {now - DAY, now + 4 * DAY, 0, now + HOUR};
  struct letter m = keep(l, &t, 1);
  assert_int_equal(check(l, now + 23 * HOUR, 0).changed, 0);
  assert_times(l, &m, &t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(right_clock_changes_nothing, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(jump_moves_all_of_the_old_clock, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(there_and_back_is_as_before, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(messages_from_ahead_begin_now, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_wait_that_cannot_be_ends, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(time_away_is_no_age, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_hour_away_is_age, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

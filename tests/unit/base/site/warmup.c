/* How a source warms up: hours, days, what holds it back, and thirty days at providers that behave and that do not. */
#include "base/site/warmup.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HOUR (3600 * SECOND_US)
#define DAY (24 * HOUR)
#define BEGIN (INT64_C(20000) * DAY) /* midnight */

static const uint32_t small[] = {3, 6, 12}, large[] = {240, 480, 960, 1920};
static const struct warmup_course few = {small, 3, 100, 50}, many = {large, 4, 100, 50};

/* `taken` recipients leave, and are taken; `against` besides are refused. */
static unsigned send(struct warmup *w, const struct warmup_course *c, uint32_t taken, uint32_t against, int64_t now) {
  unsigned changes = warmup_roll(w, c, now);
  assert_true(warmup_room(w, c) >= taken + against);
  changes |= warmup_take(w, taken + against);
  const struct warmup_tally came = {.used = taken + against, .attempts = taken + against, .against = against};
  return changes | warmup_give_back(w, c, taken + against, &came, now);
}

/* All that there is room for in each hour of a day. */
static unsigned use_up(struct warmup *w, const struct warmup_course *c, int64_t midnight) {
  unsigned changes = 0;
  for (int h = 0; h < 24; h++) {
    int64_t now = midnight + h * HOUR;
    changes |= warmup_roll(w, c, now);
    changes |= send(w, c, warmup_is_warm(w, c) ? 1000 : warmup_room(w, c), 0, now);
  }
  return changes;
}

static void a_small_amount_is_there_at_once(void **state) {
  (void)state;
  struct warmup w = {0};
  warmup_roll(&w, &few, BEGIN);
  assert_int_equal(warmup_room(&w, &few), 3);
  assert_int_equal(send(&w, &few, 3, 0, BEGIN), WARMUP_BEGAN);
  assert_int_equal(warmup_room(&w, &few), 0);
  assert_int_equal(warmup_roll(&w, &few, BEGIN + 23 * HOUR), 0);
  assert_int_equal(warmup_room(&w, &few), 0);
  assert_int_equal(warmup_roll(&w, &few, BEGIN + DAY), WARMUP_GREW);
  assert_int_equal(w.step, 2);
  assert_int_equal(warmup_room(&w, &few), 6);
}

static void a_day_is_released_by_the_hour(void **state) {
  (void)state;
  struct warmup w = {.step = 2, .used_on = BEGIN / DAY}; /* 480: 20 an hour, 60 at most where hours were idle */
  warmup_roll(&w, &many, BEGIN);
  assert_int_equal(warmup_room(&w, &many), 20);
  send(&w, &many, 20, 0, BEGIN);
  warmup_roll(&w, &many, BEGIN + HOUR - 1);
  assert_int_equal(warmup_room(&w, &many), 0);
  warmup_roll(&w, &many, BEGIN + HOUR);
  assert_int_equal(warmup_room(&w, &many), 20);
  warmup_roll(&w, &many, BEGIN + 9 * HOUR);
  assert_int_equal(warmup_room(&w, &many), 60);
  send(&w, &many, 60, 0, BEGIN + 9 * HOUR);
  assert_int_equal(warmup_room(&w, &many), 0);
  use_up(&w, &many, BEGIN);
  assert_int_equal(w.used, 480);
}

static void what_is_out_counts_until_it_is_back(void **state) {
  (void)state;
  struct warmup w = {0};
  warmup_roll(&w, &few, BEGIN);
  assert_int_equal(warmup_take(&w, 2), WARMUP_BEGAN);
  assert_int_equal(warmup_room(&w, &few), 1);
  warmup_give_back(&w, &few, 2, &(struct warmup_tally){.used = 1, .attempts = 1}, BEGIN);
  assert_int_equal(warmup_room(&w, &few), 2);
  assert_int_equal(w.used, 1);
  warmup_take(&w, 2);
  assert_int_equal(warmup_room(&w, &few), 0);
  /* Over midnight: what left yesterday and is answered today is today's. */
  warmup_roll(&w, &few, BEGIN + DAY);
  assert_int_equal(warmup_room(&w, &few), 1); /* a third was used: it is still day 1 */
  warmup_give_back(&w, &few, 2, &(struct warmup_tally){.used = 2, .attempts = 2}, BEGIN + DAY);
  assert_int_equal(warmup_room(&w, &few), 1);
}

static void a_day_that_was_not_used_is_not_counted(void **state) {
  (void)state;
  static const struct {
    uint32_t used;
    bool missed;
    unsigned step;
  } cases[] = {{119, false, 1}, {120, false, 2}, {59, true, 1}, {60, true, 2}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct warmup w = {.step = 1, .day = BEGIN / DAY, .used_on = BEGIN / DAY, .used = cases[i].used};
    if (cases[i].missed) warmup_missed(&w);
    warmup_roll(&w, &many, BEGIN + DAY);
    assert_int_equal(w.step, cases[i].step);
    for (int d = 2; d < 20; d++) assert_int_equal(warmup_roll(&w, &many, BEGIN + d * DAY), 0);
  }
}

static void it_is_held_back_and_resumed(void **state) {
  (void)state;
  struct warmup w = {0};
  assert_int_equal(send(&w, &many, 18, 2, BEGIN), WARMUP_BEGAN); /* 10 %, but a sample of two */
  assert_false(w.held);
  assert_int_equal(use_up(&w, &many, BEGIN), 0);
  assert_int_equal(warmup_ratio(&w), 2 * 10000 / w.attempts[0]);
  w.against[0] = 2; /* of 240 */
  assert_int_equal(warmup_roll(&w, &many, BEGIN + DAY), WARMUP_GREW);
  assert_int_equal(send(&w, &many, 0, 1, BEGIN + DAY), WARMUP_HELD); /* the third of 241: 1.2 % */
  assert_true(w.held);
  assert_int_equal(use_up(&w, &many, BEGIN + DAY), 0);
  /* Today's one is no sample any more when the day before is not counted: but no day grows that was held. */
  assert_int_equal(warmup_roll(&w, &many, BEGIN + 2 * DAY), WARMUP_RESUMED);
  assert_int_equal(w.step, 2);
  use_up(&w, &many, BEGIN + 2 * DAY);
  assert_int_equal(warmup_roll(&w, &many, BEGIN + 3 * DAY), WARMUP_GREW);
}

static void a_day_that_went_badly_goes_back(void **state) {
  (void)state;
  struct warmup w = {.step = 3, .day = BEGIN / DAY, .used_on = BEGIN / DAY};
  assert_int_equal(send(&w, &many, 36, 4, BEGIN), WARMUP_HELD); /* 10 % */
  assert_int_equal(warmup_roll(&w, &many, BEGIN + DAY), WARMUP_SHRANK);
  assert_int_equal(w.step, 2);
  assert_true(w.held);
  use_up(&w, &many, BEGIN + DAY);
  /* That day was good, but with the one before it is still 0.8 %. */
  assert_int_equal(warmup_roll(&w, &many, BEGIN + 2 * DAY), WARMUP_RESUMED);
  assert_int_equal(w.step, 2);
}

static void a_refused_connection_counts_once_a_minute(void **state) {
  (void)state;
  struct warmup w = {.step = 1, .day = BEGIN / DAY, .used_on = BEGIN / DAY};
  const struct warmup_tally away = {.turned_away = true};
  for (int i = 0; i < 100; i++) {
    warmup_take(&w, 1);
    assert_int_equal(warmup_give_back(&w, &many, 1, &away, BEGIN + i * SECOND_US), 0);
  }
  assert_int_equal(w.against[0], 2);
  assert_int_equal(w.used, 0);
  assert_int_equal(warmup_give_back(&w, &many, 1, &away, BEGIN + 120 * SECOND_US), WARMUP_HELD);
}

static void it_ends_and_begins_again(void **state) {
  (void)state;
  struct warmup w = {0};
  unsigned changes = 0;
  for (int d = 0; d < 4; d++) changes |= use_up(&w, &few, BEGIN + d * DAY);
  assert_int_equal(changes, WARMUP_BEGAN | WARMUP_GREW | WARMUP_ENDED);
  assert_true(warmup_is_warm(&w, &few));
  assert_int_equal(warmup_room(&w, &few), UINT32_MAX);
  assert_int_equal(send(&w, &few, 1000, 1000, BEGIN + 4 * DAY), 0); /* nothing is held back that has no amount */
  assert_int_equal(warmup_roll(&w, &few, BEGIN + 33 * DAY), 0);
  assert_int_equal(warmup_roll(&w, &few, BEGIN + 34 * DAY), WARMUP_FORGOTTEN);
  assert_int_equal(warmup_room(&w, &few), 3);
  assert_int_equal(send(&w, &few, 3, 0, BEGIN + 34 * DAY), WARMUP_BEGAN);
}

static void a_clock_that_goes_back_gives_nothing_twice(void **state) {
  (void)state;
  struct warmup w = {0};
  send(&w, &few, 3, 0, BEGIN);
  assert_int_equal(warmup_roll(&w, &few, BEGIN - 5 * DAY), 0);
  assert_int_equal(warmup_room(&w, &few), 0);
  assert_int_equal(warmup_roll(&w, &few, BEGIN - 4 * DAY), WARMUP_GREW);
}

static void places_are_promised_one_after_the_other(void **state) {
  (void)state;
  struct warmup w = {0};
  send(&w, &few, 3, 0, BEGIN + HOUR);
  /* 6 tomorrow, 12 the day after, then it is warm. */
  for (uint32_t i = 0; i < 30; i++) {
    int64_t day = i < 6 ? 1 : i < 18 ? 2 : 3;
    assert_int_equal(warmup_put_off(&w, &few, 1, BEGIN + HOUR), BEGIN + day * DAY);
  }
  /* By the hour: 20 each, of 480. */
  w = (struct warmup){.step = 2, .day = BEGIN / DAY, .used_on = BEGIN / DAY};
  send(&w, &many, 20, 0, BEGIN);
  for (uint32_t i = 0; i < 460; i++)
    assert_int_equal(warmup_put_off(&w, &many, 1, BEGIN) / HOUR, BEGIN / HOUR + 1 + i / 20);
  assert_int_equal(warmup_put_off(&w, &many, 1, BEGIN), BEGIN + DAY);
  /* An hour at whose end there was room: they have gone another way, and the next ones have the next hour. */
  warmup_roll(&w, &many, BEGIN + HOUR);
  send(&w, &many, 10, 0, BEGIN + HOUR);
  warmup_roll(&w, &many, BEGIN + 2 * HOUR);
  send(&w, &many, warmup_room(&w, &many), 0, BEGIN + 2 * HOUR);
  assert_int_equal(warmup_put_off(&w, &many, 1, BEGIN + 2 * HOUR), BEGIN + 3 * HOUR);
}

static void whoever_comes_when_promised_has_room(void **state) {
  (void)state;
  struct warmup w = {.step = 4, .day = BEGIN / DAY, .used_on = BEGIN / DAY}; /* 1920 */
  static int64_t at[1800];
  warmup_roll(&w, &many, BEGIN + 5 * HOUR);
  send(&w, &many, warmup_room(&w, &many), 0, BEGIN + 5 * HOUR);
  for (size_t i = 0; i < 1800; i++) at[i] = warmup_put_off(&w, &many, 1, BEGIN + 5 * HOUR);
  size_t i = 0;
  for (int64_t now = BEGIN + 6 * HOUR; i < 1800; now += HOUR) {
    assert_true(now < BEGIN + 2 * DAY);
    warmup_roll(&w, &many, now);
    for (; i < 1800 && at[i] <= now; i++) send(&w, &many, 1, 0, now);
  }
}

/* --- thirty days --- */

static const uint32_t thirty[30] = {50,    70,    98,    137,    192,    269,    377,    528,    739,    1035,
                                    1449,  2028,  2839,  3975,   5565,   7791,   10907,  15270,  21378,  29930,
                                    41902, 58662, 82127, 114978, 160969, 225357, 315500, 441700, 618380, 865732};
static const struct warmup_course month = {thirty, 30, 100, 50};

/* A provider of so many recipients' mail a day, that refuses one in `refuses` on the days from..to. */
struct world {
  uint32_t mail;
  uint32_t refuses;
  int from, to;
};

struct lived {
  unsigned steps[70]; /* at the end of each day */
  uint32_t used[70];
  bool held[70];
  unsigned changes;
};

static struct lived live(const struct world *p, int days) {
  struct lived l = {0};
  struct warmup w = {0};
  uint32_t nth = 0;
  for (int d = 0; d < days; d++) {
    bool bad = p->refuses && d >= p->from && d <= p->to;
    for (int m = 0; m < 24 * 12; m++) { /* every five minutes */
      int64_t now = BEGIN + d * DAY + m * 300 * SECOND_US;
      l.changes |= warmup_roll(&w, &month, now);
      uint32_t want = p->mail / (24 * 12), room = warmup_room(&w, &month), go = want < room ? want : room, against = 0;
      if (room < want) warmup_missed(&w);
      for (uint32_t i = 0; bad && i < go; i++) against += ++nth % p->refuses == 0;
      l.changes |= warmup_take(&w, go);
      const struct warmup_tally came = {.used = go, .attempts = go, .against = against};
      l.changes |= warmup_give_back(&w, &month, go, &came, now);
      assert_true(warmup_is_warm(&w, &month) || w.used <= warmup_course_amount(&month, w.step));
    }
    l.steps[d] = w.step;
    l.used[d] = w.used;
    l.held[d] = w.held;
  }
  return l;
}

static void thirty_days_of_plenty(void **state) {
  (void)state;
  const struct world p = {.mail = 3000000};
  struct lived l = live(&p, 32);
  for (int d = 0; d < 30; d++) {
    assert_int_equal(l.steps[d], d + 1);
    assert_int_equal(l.used[d], thirty[d]);
  }
  assert_int_equal(l.steps[30], 31);
  assert_true(l.used[31] > thirty[29]);
  assert_false(l.changes & WARMUP_HELD);
}

static void thirty_days_with_a_bad_week(void **state) {
  (void)state;
  const struct world p = {.mail = 3000000, .refuses = 50, .from = 10, .to = 16}; /* 2 % */
  struct lived l = live(&p, 40);
  assert_int_equal(l.steps[10], 11);
  for (int d = 10; d <= 17; d++) {
    assert_int_equal(l.steps[d], 11); /* it stays */
    assert_true(l.held[d]);
  }
  assert_false(l.held[18]);
  assert_int_equal(l.steps[19], 12); /* and goes on */
  assert_int_equal(l.steps[37], 30);
  assert_true(l.changes & WARMUP_RESUMED);
  assert_false(l.changes & WARMUP_SHRANK);
}

static void thirty_days_with_a_block(void **state) {
  (void)state;
  const struct world p = {.mail = 3000000, .refuses = 4, .from = 10, .to = 14}; /* a quarter of it */
  struct lived l = live(&p, 40);
  assert_int_equal(l.steps[10], 11);
  assert_int_equal(l.steps[14], 7); /* a day back for each */
  assert_true(l.used[14] < l.used[10]);
  for (int d = 18; d < 30; d++) assert_true(l.steps[d] > l.steps[d - 1]);
}

static void what_is_just_below_the_ratio_holds_nothing(void **state) {
  (void)state;
  const struct world p = {.mail = 3000000, .refuses = 400, .from = 0, .to = 60}; /* 0.25 % */
  struct lived l = live(&p, 31);
  assert_int_equal(l.steps[29], 30);
  assert_false(l.changes & WARMUP_HELD);
}

/* Its amount never is in the way, and grows to twice of what there is at most. */
static void thirty_days_of_little_mail(void **state) {
  (void)state;
  const struct world p = {.mail = 24 * 12 * 2};
  struct lived l = live(&p, 40);
  assert_int_equal(l.used[39], 24 * 12 * 2);
  assert_true(warmup_course_amount(&month, l.steps[39]) >= 24 * 12 * 2);
  assert_true(warmup_course_amount(&month, l.steps[39]) <= 2 * 14 * 24 * 12 * 2 / 10);
  assert_int_equal(l.steps[39], l.steps[20]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_small_amount_is_there_at_once),
      cmocka_unit_test(a_day_is_released_by_the_hour),
      cmocka_unit_test(what_is_out_counts_until_it_is_back),
      cmocka_unit_test(a_day_that_was_not_used_is_not_counted),
      cmocka_unit_test(it_is_held_back_and_resumed),
      cmocka_unit_test(a_day_that_went_badly_goes_back),
      cmocka_unit_test(a_refused_connection_counts_once_a_minute),
      cmocka_unit_test(it_ends_and_begins_again),
      cmocka_unit_test(a_clock_that_goes_back_gives_nothing_twice),
      cmocka_unit_test(places_are_promised_one_after_the_other),
      cmocka_unit_test(whoever_comes_when_promised_has_room),
      cmocka_unit_test(thirty_days_of_plenty),
      cmocka_unit_test(thirty_days_with_a_bad_week),
      cmocka_unit_test(thirty_days_with_a_block),
      cmocka_unit_test(what_is_just_below_the_ratio_holds_nothing),
      cmocka_unit_test(thirty_days_of_little_mail),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

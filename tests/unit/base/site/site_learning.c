/* What is learnt of a site: simulated ones, whose rules it does not know, with days of mail by a replaced clock. */
#include "base/site/site_learning.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MINUTE (60 * SECOND_US)
#define BEGIN (INT64_C(1800000000) * SECOND_US)

/* The same numbers each time. */
static uint32_t next_random(void) {
  static uint64_t state = 88172645463325252;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 16);
}

/* --- greylisting --- */

struct greylister {
  int64_t delay_us;
  unsigned noise_percent; /* of the attempts that are put off whenever they come */
  bool restarts;          /* an attempt that comes too early begins the delay anew */
};

static const int64_t schedule[] = {MINUTE, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE, 120 * MINUTE, 240 * MINUTE};

struct result {
  double delay_s; /* until it was taken, on average */
  double refused; /* later attempts that were refused, of a message */
  int64_t most_us;
};

static int64_t jittered(int64_t wait_us, unsigned percent) {
  return wait_us + wait_us / 1000 * (next_random() % (10 * percent + 1));
}

/* One message, first tried at `now_us`: returns when it was taken. */
static int64_t send(struct site_learning *l, const struct greylister *g, int64_t first_us, bool learns,
                    unsigned *refused) {
  int64_t now = first_us, since_us = first_us;
  site_learning_answer(l, &(struct learnt_answer){.first = true, .greylisted = true}, now);
  for (unsigned attempt = 0;; attempt++) {
    const struct greylist_case c = {
        .first_us = first_us, .now_us = now, .again_us = attempt == 2 ? schedule[attempt] : 0, .random = next_random()};
    int64_t at = learns ? greylist_retry_at(&l->greylist, &c) : 0;
    now = at ? now + jittered(at - now, 5) : now + jittered(schedule[attempt < 5 ? attempt : 5], 10);
    bool taken = now - since_us >= g->delay_us && next_random() % 100 >= g->noise_percent;
    if (g->restarts) since_us = now;
    site_learning_answer(l,
                         &(struct learnt_answer){
                             .taken = taken, .greylisted = !taken, .put_off = !taken, .since_first_us = now - first_us},
                         now);
    if (taken) return now;
    ++*refused;
  }
}

/* A message a minute; each is followed to its end before the next, which changes nothing that matters here. */
static struct result run(struct site_learning *l, const struct greylister *g, unsigned count, bool learns) {
  static int64_t now = BEGIN;
  struct result r = {0};
  unsigned refused = 0;
  for (unsigned i = 0; i < count; i++) {
    now += MINUTE;
    int64_t took = send(l, g, now, learns, &refused) - now;
    r.delay_s += (double)took / SECOND_US / count;
    if (took > r.most_us) r.most_us = took;
  }
  r.refused = (double)refused / count;
  return r;
}

static void greylisters_are_learnt_and_the_delay_falls(void **state) {
  static const int64_t delays_s[] = {10, 60, 120, 180, 300, 600, 900, 1800, 3600};
  (void)state;
  for (size_t i = 0; i < sizeof delays_s / sizeof *delays_s; i++) {
    struct greylister g = {delays_s[i] * SECOND_US, 0};
    struct site_learning none = {0}, l = {0};
    struct result by_schedule = run(&none, &g, 200, false);
    run(&l, &g, 100, true);
    struct result learnt = run(&l, &g, 200, true);
    int64_t known = greylist_known(&l.greylist);
    printf("%5llds: by the schedule %6.0fs with %.2f refused, learnt %6.0fs with %.2f; known: %llds\n",
           (long long)delays_s[i], by_schedule.delay_s, by_schedule.refused, learnt.delay_s, learnt.refused,
           (long long)(known / SECOND_US));
    assert_true(known >= g.delay_us * 9 / 10 && known <= g.delay_us * 3 / 2);
    assert_true(learnt.delay_s <= (double)delays_s[i] * 1.3 + 10);
    assert_true(learnt.delay_s < by_schedule.delay_s * 1.02); /* it may be just what the schedule says */
    assert_true(learnt.refused <= 0.35);
  }
}

static void a_delay_is_known_after_three_messages(void **state) {
  struct greylister g = {300 * SECOND_US, 0};
  struct site_learning l = {0};
  (void)state;
  run(&l, &g, 2, true);
  assert_int_equal(greylist_known(&l.greylist), 0);
  run(&l, &g, 1, true);
  assert_int_equal(greylist_known(&l.greylist), 360 * SECOND_US); /* when the schedule's second attempt was taken */
  run(&l, &g, 50, true);
  assert_int_equal(greylist_known(&l.greylist), 300 * SECOND_US);
}

static void a_change_is_followed(void **state) {
  static const int64_t changes_s[][2] = {{300, 900}, {900, 300}, {60, 300}, {300, 60}, {600, 3600}, {3600, 60}};
  (void)state;
  for (size_t i = 0; i < sizeof changes_s / sizeof *changes_s; i++) {
    struct greylister before = {changes_s[i][0] * SECOND_US, 0}, after = {changes_s[i][1] * SECOND_US, 0};
    struct site_learning l = {0};
    run(&l, &before, 300, true);
    run(&l, &after, 150, true);
    struct result r = run(&l, &after, 100, true);
    printf("%lld to %llds: %.0fs\n", (long long)changes_s[i][0], (long long)changes_s[i][1], r.delay_s);
    assert_true(r.delay_s < (double)changes_s[i][1] * 1.5);
  }
}

static void noise_does_not_swing_it(void **state) {
  static const unsigned noises[] = {5, 10, 20, 30};
  (void)state;
  for (size_t i = 0; i < sizeof noises / sizeof *noises; i++) {
    struct greylister g = {300 * SECOND_US, noises[i]};
    struct site_learning l = {0};
    unsigned off = 0, rounds = 500;
    run(&l, &g, 100, true);
    for (unsigned k = 0; k < rounds; k++) {
      run(&l, &g, 1, true);
      int64_t known = greylist_known(&l.greylist);
      assert_true(known > 0);
      off += known < 240 * SECOND_US || known > 600 * SECOND_US;
    }
    printf("%u%% noise: %u of %u off\n", noises[i], off, rounds);
    assert_true(off * 20 <= rounds);
  }
}

/* What is explored costs more there, and is explored all the same. */
static void a_greylister_that_begins_anew_is_learnt(void **state) {
  static const int64_t delays_s[] = {60, 300, 900};
  (void)state;
  for (size_t i = 0; i < sizeof delays_s / sizeof *delays_s; i++) {
    struct greylister g = {delays_s[i] * SECOND_US, 0, true};
    struct site_learning none = {0}, l = {0};
    struct result by_schedule = run(&none, &g, 200, false);
    run(&l, &g, 100, true);
    struct result learnt = run(&l, &g, 300, true);
    printf("%llds, anew: by the schedule %.0fs, learnt %.0fs with %.2f refused, known %llds\n", (long long)delays_s[i],
           by_schedule.delay_s, learnt.delay_s, learnt.refused, (long long)(greylist_known(&l.greylist) / SECOND_US));
    assert_true(learnt.delay_s < by_schedule.delay_s * 1.5);
    assert_true(learnt.refused <= 1);
  }
}

static void a_site_that_never_takes_it_is_no_greylister(void **state) {
  struct site_learning l = {0};
  (void)state;
  for (int64_t i = 0; i < 100; i++)
    site_learning_answer(&l, &(struct learnt_answer){.greylisted = true, .put_off = true, .since_first_us = i * MINUTE},
                         BEGIN);
  assert_int_equal(greylist_known(&l.greylist), 0);
  assert_int_equal(greylist_best(&l.greylist, 0), 0);
}

static void the_bounds_of_a_retry_hold(void **state) {
  struct site_learning l = {0};
  struct greylister g = {300 * SECOND_US, 0};
  struct greylist_case c = {.first_us = BEGIN, .now_us = BEGIN, .random = 1};
  (void)state;
  assert_int_equal(greylist_retry_at(&l.greylist, &c), 0); /* nothing is known */
  run(&l, &g, 100, true);
  assert_int_equal(greylist_retry_at(&l.greylist, &c), BEGIN + 301 * SECOND_US);
  c.not_before_us = BEGIN + 600 * SECOND_US; /* the reply's own time */
  assert_int_equal(greylist_retry_at(&l.greylist, &c), c.not_before_us);
  c.not_before_us = 0;
  c.now_us = BEGIN + 301 * SECOND_US; /* it has passed, and was too early */
  assert_int_equal(greylist_retry_at(&l.greylist, &c), 0);
  c.again_us = 301 * SECOND_US; /* once more as long */
  assert_int_equal(greylist_retry_at(&l.greylist, &c), c.now_us + 301 * SECOND_US);
  c.again_us--;
  assert_int_equal(greylist_retry_at(&l.greylist, &c), 0);
  c.again_us = 0;
  for (uint32_t random = 0; random < 100; random++) {
    c.now_us = BEGIN;
    c.random = random;
    int64_t at = greylist_retry_at(&l.greylist, &c);
    assert_true(at >= BEGIN + 75 * SECOND_US && at <= BEGIN + 301 * SECOND_US);
  }
}

/* Later attempts long ago leave no trace for ever. */
static void what_is_old_is_forgotten(void **state) {
  struct site_learning l = {0};
  struct greylister g = {300 * SECOND_US, 0};
  (void)state;
  assert_false(site_learning_any(&l));
  run(&l, &g, 30, true);
  assert_true(site_learning_any(&l) && greylist_known(&l.greylist) > 0);
  site_learning_age(&l, l.aged_us + 8 * LEARNING_AGE_US);
  assert_int_equal(greylist_known(&l.greylist), 0);
  assert_int_equal(l.greylist.firsts, 0);
}

/* --- times --- */

static void times_have_quantiles(void **state) {
  struct learnt_times t = {0};
  (void)state;
  assert_int_equal(learnt_times_within(&t, 50), 0);
  for (int i = 0; i < 80; i++) learnt_times_add(&t, 150 * 1000);
  for (int i = 0; i < 20; i++) learnt_times_add(&t, 6 * MINUTE);
  assert_int_equal(learnt_times_within(&t, 50), 200 * 1000);
  assert_int_equal(learnt_times_within(&t, 90), 10 * MINUTE);
  for (int i = 0; i < 1000; i++) learnt_times_add(&t, INT64_MAX);
  assert_int_equal(learnt_times_within(&t, 50), 5 * INT64_C(86400) * SECOND_US);
  assert_true(learnt_times_total(&t) <= LEARNT_TIMES_MOST);
  for (int i = 0; i < 200; i++) learnt_times_add(&t, 0);
  assert_int_equal(learnt_times_within(&t, 50), 10 * 1000);
}

static void hours_and_sizes_are_counted_apart(void **state) {
  struct site_learning l = {0};
  const int64_t nine = BEGIN / (86400 * SECOND_US) * (86400 * SECOND_US) + 9 * 60 * MINUTE;
  (void)state;
  for (int i = 0; i < 10; i++)
    site_learning_answer(&l, &(struct learnt_answer){.first = true, .put_off = i < 4, .size = 2000000}, nine);
  site_learning_answer(&l, &(struct learnt_answer){.first = true, .taken = true, .size = 10000}, nine + 60 * MINUTE);
  assert_int_equal(l.hours[9].all, 10);
  assert_int_equal(l.hours[9].hits, 4);
  assert_int_equal(l.hours[10].all, 1);
  assert_int_equal(l.hours[10].hits, 0);
  assert_int_equal(l.sizes[0].all, 1);
  assert_int_equal(l.sizes[3].all, 10);
  assert_int_equal(l.sizes[3].hits, 4);
  for (int i = 0; i < 1000; i++)
    site_learning_answer(&l, &(struct learnt_answer){.first = true, .size = UINT64_MAX}, nine);
  assert_true(l.hours[9].all <= LEARNING_SHARE_MOST && l.sizes[4].all <= LEARNING_SHARE_MOST);
}

/* --- sources --- */

static void a_source_keeps_its_weight_in_proportion(void **state) {
  static const struct {
    struct learnt_share of[3];
    unsigned percent[3];
  } cases[] = {
      {{{0, 0}, {0, 0}, {0, 0}}, {100, 100, 100}},      {{{64, 64}, {64, 0}, {0, 0}}, {100, 5, 100}},
      {{{64, 64}, {64, 32}, {64, 60}}, {100, 50, 100}}, /* a few percent make no difference */
      {{{64, 64}, {9, 0}, {0, 0}}, {100, 100, 100}},    /* too few to judge by */
      {{{64, 0}, {64, 0}, {9, 9}}, {100, 100, 100}},    /* nobody is known to do better */
      {{{40, 20}, {40, 10}, {40, 40}}, {50, 25, 100}},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (size_t k = 0; k < 3; k++)
      assert_int_equal(learnt_percent(&cases[i].of[k], cases[i].of, 3), cases[i].percent[k]);
}

/* A site that refuses one source, and comes to like it: it is back after the messages that it still gets. */
static void a_source_that_is_taken_again_comes_back(void **state) {
  struct site_learning a = {0}, b = {0};
  (void)state;
  for (int i = 0; i < 100; i++) {
    site_learning_source(&a, false);
    site_learning_source(&b, true);
  }
  struct learnt_share both[] = {a.source, b.source};
  assert_int_equal(learnt_percent(&both[0], both, 2), LEARNING_PERCENT_LEAST);
  unsigned messages = 0;
  for (; learnt_percent(&both[0], both, 2) < 100 && messages < 1000; messages++) {
    site_learning_source(&a, true);
    both[0] = a.source;
  }
  assert_true(messages <= 5 * LEARNING_SHARE_MOST);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(greylisters_are_learnt_and_the_delay_falls),
      cmocka_unit_test(a_delay_is_known_after_three_messages),
      cmocka_unit_test(a_change_is_followed),
      cmocka_unit_test(noise_does_not_swing_it),
      cmocka_unit_test(a_greylister_that_begins_anew_is_learnt),
      cmocka_unit_test(a_site_that_never_takes_it_is_no_greylister),
      cmocka_unit_test(the_bounds_of_a_retry_hold),
      cmocka_unit_test(what_is_old_is_forgotten),
      cmocka_unit_test(times_have_quantiles),
      cmocka_unit_test(hours_and_sizes_are_counted_apart),
      cmocka_unit_test(a_source_keeps_its_weight_in_proportion),
      cmocka_unit_test(a_source_that_is_taken_again_comes_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

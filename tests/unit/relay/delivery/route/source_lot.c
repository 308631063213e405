/* The lots that a pool's sources draw: shares by weight, and what moves when a pool changes. */
#include "relay/delivery/route/source_lot.h"
#include "base/directory/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MESSAGES 100000
#define POOL_MAX 8

struct member {
  const char *address; /* NULL: it is not there */
  unsigned weight;
};

/* Message ids are times, so they follow each other. */
static int64_t id_of(int64_t n) {
  return INT64_C(0x18f3a2b4c0000) + n * 1024;
}

static size_t winner(const struct member pool[POOL_MAX], int64_t message_id) {
  size_t best = POOL_MAX;
  struct source_lot best_lot = {0};
  for (size_t i = 0; i < POOL_MAX; i++) {
    if (!pool[i].address) continue;
    const struct source_lot lot = source_lot_draw(pool[i].address, pool[i].weight, message_id);
    if (best < POOL_MAX && !source_lot_wins(&lot, &best_lot)) continue;
    best = i;
    best_lot = lot;
  }
  return best;
}

static void test_shares_are_by_weight(void **state) {
  static const struct member pools[][POOL_MAX] = {
      {{"192.0.2.1", 1}, {"192.0.2.2", 1}},
      {{"192.0.2.1", 1}, {"192.0.2.2", 3}},
      {{"192.0.2.1", 999}, {"192.0.2.2", 1000}, {"192.0.2.3", 1}},
      {{"2001:db8::1", 5}, {"2001:db8::2", 1}, {"192.0.2.1", 2}, {"10.0.0.1", 2}},
      {{"192.0.2.1", 1},
       {"192.0.2.2", 1},
       {"192.0.2.3", 1},
       {"192.0.2.4", 1},
       {"192.0.2.5", 1},
       {"192.0.2.6", 1},
       {"192.0.2.7", 1},
       {"192.0.2.8", 1}},
  };
  (void)state;
  for (size_t p = 0; p < sizeof pools / sizeof *pools; p++) {
    int64_t won[POOL_MAX + 1] = {0}, all = 0;
    for (int64_t n = 0; n < MESSAGES; n++) won[winner(pools[p], id_of(n))]++;
    for (size_t i = 0; i < POOL_MAX; i++) all += pools[p][i].weight;
    for (size_t i = 0; i < POOL_MAX; i++) { /* five standard deviations of a binomial share, which is less than 800 */
      int64_t share = MESSAGES * (int64_t)pools[p][i].weight / all;
      if (llabs(won[i] - share) > 800) fail_msg("pool %zu: %s has %lld", p, pools[p][i].address, (long long)won[i]);
    }
    assert_int_equal(won[POOL_MAX], 0);
  }
}

/* What a change moves: from whom to whom, and nothing else. */
static void test_only_what_must_move_moves(void **state) {
  static const struct {
    const char *what;
    struct member from[POOL_MAX], to[POOL_MAX];
    size_t changed; /* the source that comes, goes, gains or loses */
    bool gains;
    int64_t moved; /* about so many */
  } cases[] = {
      {"one comes",
       {{"192.0.2.1", 1}, {"192.0.2.2", 1}},
       {{"192.0.2.1", 1}, {"192.0.2.2", 1}, {"192.0.2.3", 1}},
       2,
       true,
       MESSAGES / 3},
      {"one goes",
       {{"192.0.2.1", 1}, {"192.0.2.2", 2}, {"192.0.2.3", 1}},
       {{"192.0.2.1", 1}, {0}, {"192.0.2.3", 1}},
       1,
       false,
       MESSAGES / 2},
      {"more weight",
       {{"192.0.2.1", 1}, {"192.0.2.2", 1}},
       {{"192.0.2.1", 3}, {"192.0.2.2", 1}},
       0,
       true,
       MESSAGES / 4},
      {"less weight",
       {{"192.0.2.1", 3}, {"192.0.2.2", 1}},
       {{"192.0.2.1", 1}, {"192.0.2.2", 1}},
       0,
       false,
       MESSAGES / 4},
  };
  (void)state;
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    int64_t moved = 0;
    for (int64_t n = 0; n < MESSAGES; n++) {
      size_t before = winner(cases[k].from, id_of(n)), after = winner(cases[k].to, id_of(n));
      if (before == after) continue;
      moved++;
      if ((cases[k].gains ? after : before) != cases[k].changed)
        fail_msg("%s: from %zu to %zu", cases[k].what, before, after);
    }
    if (llabs(moved - cases[k].moved) > 800) fail_msg("%s: %lld moved", cases[k].what, (long long)moved);
  }
}

/* In any order of the pool the same, and on any machine: these were drawn once. */
static void test_lots_never_change(void **state) {
  static const struct {
    const char *address;
    int64_t message_id;
    uint64_t cost;
  } cases[] = {
      {"192.0.2.1", INT64_C(1), UINT64_C(1977638369)},   {"192.0.2.1", INT64_C(438954973986816), UINT64_C(2945835538)},
      {"192.0.2.2", INT64_C(1), UINT64_C(4672237632)},   {"192.0.2.2", INT64_C(438954973986816), UINT64_C(661166061)},
      {"2001:db8::1", INT64_C(1), UINT64_C(3041379987)}, {"2001:db8::1", INT64_C(438954973986816), UINT64_C(645860217)},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const struct source_lot lot = source_lot_draw(cases[i].address, 7, cases[i].message_id);
    if (lot.cost != cases[i].cost) fail_msg("%zu: %llu", i, (unsigned long long)lot.cost);
    assert_int_equal(lot.weight, 7);
  }
}

/* Neither two that are alike, nor the ends of what there can be, are decided wrongly. */
static void test_wins_exactly(void **state) {
  static const struct {
    struct source_lot a, b;
    bool wins;
  } cases[] = {
      {{10, 1}, {11, 1}, true},
      {{10, 1}, {10, 1}, false},
      {{20, 2}, {10, 1}, false},
      {{19, 2}, {10, 1}, true},
      {{UINT64_C(64) << 32, SOURCE_WEIGHT_MOST}, {1, 1}, false},
      {{1, 1}, {UINT64_C(64) << 32, SOURCE_WEIGHT_MOST}, true},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(source_lot_wins(&cases[i].a, &cases[i].b), cases[i].wins);
  assert_int_equal(source_lot_draw("192.0.2.1", 0, 1).weight, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_shares_are_by_weight),
      cmocka_unit_test(test_only_what_must_move_moves),
      cmocka_unit_test(test_lots_never_change),
      cmocka_unit_test(test_wins_exactly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

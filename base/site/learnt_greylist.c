#include "base/site/learnt_greylist.h"

#include "base/clock.h"
#include "base/site/learnt_times.h"

#include <stddef.h>

#define SLACK_US SECOND_US /* hosts count in whole seconds */

static const unsigned slots[GREYLIST_SLOTS] = {0,   1,   2,    3,    4,    5,    7,    10,   15,   20,    30,   45,
                                               60,  75,  90,   120,  150,  180,  240,  300,  360,  420,   480,  600,
                                               720, 900, 1200, 1500, 1800, 2400, 3600, 5400, 7200, 10800, 14400};

int64_t greylist_slot_us(unsigned i) {
  return (int64_t)slots[i] * SECOND_US;
}

static unsigned slot_of(int64_t span_us) {
  unsigned i = GREYLIST_SLOTS - 1;
  while (i && span_us < greylist_slot_us(i)) i--;
  return i;
}

void greylist_first(struct learnt_greylist *g, bool put_off) {
  if (g->firsts >= GREYLIST_COUNTED_MOST) {
    learnt_halve(&g->firsts, 1);
    learnt_halve(&g->put_off, 1);
  }
  g->firsts++;
  g->put_off += put_off;
}

void greylist_retry(struct learnt_greylist *g, int64_t since_first_us, bool taken) {
  unsigned all = 0;
  for (unsigned i = 0; i < GREYLIST_SLOTS; i++) all += g->taken[i] + g->refused[i];
  if (all >= GREYLIST_COUNTED_MOST) {
    learnt_halve(g->taken, GREYLIST_SLOTS);
    learnt_halve(g->refused, GREYLIST_SLOTS);
  }
  uint16_t *counters = taken ? g->taken : g->refused;
  counters[slot_of(since_first_us)]++;
}

/* --- what it means --- */

/* Neighbouring slots that count as one. */
struct block {
  unsigned first, taken, all;
};

/* a's share of what was taken is not less than b's. */
static bool fares_no_worse(const struct block *a, const struct block *b) {
  return a->taken * b->all >= b->taken * a->all;
}

/* The slots with attempts, pooled until each block fares better than the one before (isotonic regression). */
static size_t pool(const struct learnt_greylist *g, struct block out[GREYLIST_SLOTS]) {
  size_t count = 0;
  for (unsigned i = 0; i < GREYLIST_SLOTS; i++) {
    struct block b = {i, g->taken[i], g->taken[i] + g->refused[i]};
    if (!b.all) continue;
    out[count++] = b;
    for (; count > 1 && fares_no_worse(&out[count - 2], &out[count - 1]); count--) {
      out[count - 2].taken += out[count - 1].taken;
      out[count - 2].all += out[count - 1].all;
    }
  }
  return count;
}

/* Two refusals more are assumed of the best, so that a few that went well say little. */
static bool nearly_as_good(unsigned taken, unsigned all, const struct block *best) {
  return taken * (best->all + 2) * 100 >= best->taken * all * GREYLIST_NEARLY_PERCENT;
}

/* The best that rests on more than chance: the last block, since later ones fare better. NULL: there is none. */
static const struct block *best_of(const struct block *blocks, size_t count) {
  while (count--)
    if (blocks[count].taken >= GREYLIST_TAKEN_LEAST) return &blocks[count];
  return NULL;
}

/* The first slot that fares nearly as well as the best; GREYLIST_SLOTS: not known. A slot counts by its own attempts,
 * for a block may end in one that was lucky once. */
static unsigned known_slot(const struct learnt_greylist *g) {
  struct block blocks[GREYLIST_SLOTS];
  size_t count = pool(g, blocks);
  const struct block *best = best_of(blocks, count);
  for (unsigned i = 0; best && i < GREYLIST_SLOTS; i++)
    if (g->taken[i] >= GREYLIST_TAKEN_LEAST && nearly_as_good(g->taken[i], g->taken[i] + g->refused[i], best)) return i;
  return GREYLIST_SLOTS;
}

int64_t greylist_known(const struct learnt_greylist *g) {
  unsigned i = known_slot(g);
  return i == GREYLIST_SLOTS ? 0 : greylist_slot_us(i ? i : 1);
}

/* A time between the last that is known to be too early, and the one that is known to do; that one where there is
 * nothing between. */
static unsigned explore(const struct learnt_greylist *g, unsigned known) {
  unsigned low = slot_of(greylist_slot_us(known) / GREYLIST_EXPLORE_PART);
  for (unsigned i = low; i < known; i++)
    if (g->refused[i] > 1 && g->refused[i] > g->taken[i]) low = i;
  return known - low > 1 ? low + (known - low) / 2 : known;
}

static unsigned best_slot(const struct learnt_greylist *g, uint32_t random) {
  unsigned known = known_slot(g);
  if (known == GREYLIST_SLOTS || random % GREYLIST_EXPLORE_ONE_IN) return known;
  return explore(g, known);
}

int64_t greylist_best(const struct learnt_greylist *g, uint32_t random) {
  unsigned i = best_slot(g, random);
  return i == GREYLIST_SLOTS ? 0 : greylist_slot_us(i ? i : 1);
}

/* A little later than the slot begins, and well within it. */
static int64_t slack_of(int64_t wait_us) {
  return wait_us / 12 < SLACK_US ? wait_us / 12 : SLACK_US;
}

/* Some begin to count anew with each attempt that comes too early. */
static int64_t again_at(const struct learnt_greylist *g, const struct greylist_case *c) {
  int64_t wait = greylist_known(g);
  return wait + slack_of(wait) <= c->again_us ? c->now_us + wait + slack_of(wait) : 0;
}

int64_t greylist_retry_at(const struct learnt_greylist *g, const struct greylist_case *c) {
  int64_t wait = greylist_best(g, c->random), at = c->first_us + wait + slack_of(wait);
  if (!wait) return 0;
  if (at < c->now_us + SECOND_US) at = again_at(g, c);
  return at && at < c->not_before_us ? c->not_before_us : at;
}

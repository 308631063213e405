#include "base/site/site_learning.h"

#include "base/clock.h"

#include <string.h>

#define HOUR_US (3600 * SECOND_US)
#define PERCENT 100

static const uint64_t sizes[LEARNING_SIZES] = {10000, 100000, 1000000, 10000000, UINT64_MAX};

uint64_t learning_size_most(unsigned size_class) {
  return sizes[size_class];
}

static unsigned class_of(uint64_t size) {
  unsigned i = 0;
  while (size > sizes[i]) i++;
  return i;
}

static void count(struct learnt_share *s, bool hit) {
  if (s->all >= LEARNING_SHARE_MOST) {
    s->all /= 2;
    s->hits /= 2;
  }
  s->all++;
  s->hits += hit;
}

/* --- counting --- */

static unsigned hour_of(int64_t at_us) {
  return (unsigned)(at_us / HOUR_US % LEARNING_HOURS);
}

void site_learning_answer(struct site_learning *l, const struct learnt_answer *a, int64_t now_us) {
  site_learning_age(l, now_us);
  if (a->first) greylist_first(&l->greylist, a->greylisted);
  if (!a->first && a->since_first_us > 0 && (a->taken || a->greylisted))
    greylist_retry(&l->greylist, a->since_first_us, a->taken);
  if (a->taken && a->delivery_us > 0) learnt_times_add(&l->delivery, a->delivery_us);
  count(&l->hours[hour_of(now_us)], a->put_off);
  count(&l->sizes[class_of(a->size)], a->put_off);
}

void site_learning_source(struct site_learning *l, bool taken) {
  count(&l->source, taken);
}

void site_learning_refused(struct site_learning *l, int64_t now_us) {
  site_learning_age(l, now_us);
  count(&l->hours[hour_of(now_us)], true);
  site_learning_source(l, false);
}

static void halve_shares(struct learnt_share *s, size_t count) {
  for (size_t i = 0; i < count; i++) {
    s[i].all /= 2;
    s[i].hits /= 2;
  }
}

static void halve(struct site_learning *l) {
  struct learnt_greylist *g = &l->greylist;
  learnt_halve(&g->firsts, 1);
  learnt_halve(&g->put_off, 1);
  learnt_halve(g->taken, GREYLIST_SLOTS);
  learnt_halve(g->refused, GREYLIST_SLOTS);
  learnt_halve(l->delivery.count, LEARNT_TIMES);
  learnt_halve(l->transaction.count, LEARNT_TIMES);
  halve_shares(l->hours, LEARNING_HOURS);
  halve_shares(l->sizes, LEARNING_SIZES);
  halve_shares(&l->source, 1);
}

/* A clock that was set back starts the week again. */
void site_learning_age(struct site_learning *l, int64_t now_us) {
  int64_t weeks = l->aged_us ? (now_us - l->aged_us) / LEARNING_AGE_US : 0;
  for (int64_t i = 0; i < weeks && i < 16; i++) halve(l);
  if (!l->aged_us || weeks || now_us < l->aged_us) l->aged_us = now_us;
}

bool site_learning_any(const struct site_learning *l) {
  return l->aged_us != 0;
}

/* --- sources --- */

static unsigned percent_of(const struct learnt_share *s) {
  return s->all ? (unsigned)s->hits * PERCENT / s->all : PERCENT;
}

static bool is_judged(const struct learnt_share *s) {
  return s->all >= LEARNING_SOURCE_LEAST;
}

unsigned learnt_percent(const struct learnt_share *source, const struct learnt_share *all, size_t count) {
  unsigned best = 0, own = percent_of(source);
  for (size_t i = 0; i < count; i++)
    if (is_judged(&all[i]) && percent_of(&all[i]) > best) best = percent_of(&all[i]);
  if (!is_judged(source) || own + LEARNING_PERCENT_NEARLY >= best) return PERCENT;
  unsigned percent = own * PERCENT / best;
  return percent > LEARNING_PERCENT_LEAST ? percent : LEARNING_PERCENT_LEAST;
}

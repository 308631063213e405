#include "relay/delivery/site/pace.h"

#include <math.h>
#include <string.h>

#define WINDOW_SHARE 4  /* it begins at a quarter of the table's connections */
#define WINDOW_FIRST 5u /* but with so many, if the table has them (Postfix begins so) */
#define GROWTH 0.5      /* of the window, with each message accepted, while no limit is known */

#define BURST_KEPT 0.9 /* of the score of 4xx, with each message accepted: one in five is a burst */
#define BURST_MOST 2.9
#define TRICKLE_KEPT 0.995 /* about one in fifty is a trickle */
#define TRICKLE_MOST 6.0
#define TRICKLE_FIRST 9.0 /* where no rate is known, or it has held before: one in twenty-four */
#define CLOSED_WEIGHT 1.5 /* 421 is said on purpose */

#define HOLD_US (10 * SECOND_US)
#define HOLD_MOST_US (600 * SECOND_US)
#define CARRIED_US (3600 * SECOND_US)
#define SUSTAIN_US (90 * SECOND_US) /* a rate that held for so long is good: longer than a window of a minute */
#define SUSTAIN_MESSAGES 150        /* and for so many, or so long */
#define SUSTAIN_MOST_US (600 * SECOND_US)
#define USED_LEAST 0.8 /* of the rate, in the last minute: it was put to the test */
#define STEP 1.5       /* the most that is tried at once */
#define CLOSE_ENOUGH 1.06
#define TRIM_DOWN 0.01
#define TRIM_BORNE 0.004 /* the share of refusals that it settles at */
#define TRIM_LEAST 0.93
#define SETTLED 0.985
#define OVER_GOOD 1.1 /* what a later probe tries */
#define UNDER_ACCEPTED 0.95
#define UNDER_GOOD 0.7
#define UNDER_TRICKLE 0.95
#define TRICKLES_MOST 3
#define TRICKLE_DEAF_US (3600 * SECOND_US)
#define DEAF_AFTER 5 /* troubles in a row, with nothing accepted */
#define DEAF_US (900 * SECOND_US)
#define DEAF_RATE 0.5
#define RATE_LEAST (1.0 / 600) /* a message in ten minutes */
#define PROBE_US (600 * SECOND_US)
#define PROBE_MOST_US (4 * 3600 * SECOND_US)

static int64_t later(int64_t a, int64_t b) {
  return a > b ? a : b;
}

static int64_t doubled(int64_t first, unsigned times, int64_t most) {
  return times < 20 && first << times < most ? first << times : most;
}

/* --- rates, each by its theoretical arrival time --- */

/* So many in any span of its length, at most: a small burst, and the rest evenly. */
static unsigned burst_of(unsigned count) {
  return count / 20 ? count / 20 : 1;
}

struct pacing {
  int64_t interval_us, tolerance_us;
};

static struct pacing pacing_of(const struct pace *p, enum pace_window w) {
  static const int64_t lengths[PACE_WINDOWS] = {[PACE_SECOND] = SECOND_US,
                                                [PACE_MINUTE] = 60 * SECOND_US,
                                                [PACE_HOUR] = 3600 * SECOND_US,
                                                [PACE_CONNECTS] = 60 * SECOND_US};
  const unsigned counts[PACE_WINDOWS] = {[PACE_SECOND] = p->limits.per_second,
                                         [PACE_MINUTE] = p->limits.per_minute,
                                         [PACE_HOUR] = p->limits.per_hour,
                                         [PACE_CONNECTS] = p->limits.connects_per_minute};
  if (w == PACE_LEARNT) {
    if (p->rate <= 0) return (struct pacing){0, 0};
    double interval = (double)SECOND_US / (p->rate * p->trim);
    return (struct pacing){(int64_t)interval, (int64_t)(interval * floor(1 + p->rate / 4))};
  }
  if (!counts[w]) return (struct pacing){0, 0};
  unsigned burst = burst_of(counts[w]);
  int64_t interval = lengths[w] / (counts[w] - burst + 1) + 1;
  return (struct pacing){interval, interval * (burst - 1)};
}

static int64_t due_at(const struct pace *p, enum pace_window w) {
  struct pacing pacing = pacing_of(p, w);
  return pacing.interval_us ? p->tat_us[w] - pacing.tolerance_us : 0;
}

static void count_one(struct pace *p, enum pace_window w, int64_t now_us) {
  struct pacing pacing = pacing_of(p, w);
  if (pacing.interval_us) p->tat_us[w] = (p->tat_us[w] > now_us ? p->tat_us[w] : now_us) + pacing.interval_us;
}

/* --- what was accepted of late --- */

static void count_accepted(struct pace *p, int64_t now_us) {
  int64_t number = now_us / PACE_BUCKET_US;
  size_t at = (size_t)(number % PACE_BUCKETS);
  if (p->buckets[at].number != number) {
    p->buckets[at].number = number;
    p->buckets[at].accepted = 0;
  }
  p->buckets[at].accepted++;
}

static unsigned accepted_in(const struct pace *p, int64_t count, int64_t now_us) {
  unsigned sum = 0;
  int64_t number = now_us / PACE_BUCKET_US;
  for (size_t i = 0; i < PACE_BUCKETS; i++)
    if (p->buckets[i].number > number - count && p->buckets[i].number <= number) sum += p->buckets[i].accepted;
  return sum;
}

/* Messages a second that were accepted in the running bucket and `count - 1` before. */
static double accepted_rate(const struct pace *p, int64_t count, int64_t now_us) {
  int64_t span = now_us % PACE_BUCKET_US + (count - 1) * PACE_BUCKET_US;
  if (now_us - p->first_us < span) span = now_us - p->first_us;
  if (span < SECOND_US) span = SECOND_US;
  return accepted_in(p, count, now_us) * (double)SECOND_US / (double)span;
}

double pace_rate_of_late(const struct pace *p, int64_t now_us) {
  return accepted_rate(p, PACE_BUCKETS - 1, now_us);
}

/* --- life --- */

static double window_most(const struct pace *p) {
  return p->limits.connections ? p->limits.connections : 1;
}

void pace_init(struct pace *p, const struct shaping_limits *limits, int64_t now_us) {
  memset(p, 0, sizeof *p);
  p->limits = *limits;
  double share = window_most(p) / WINDOW_SHARE;
  p->window = share > WINDOW_FIRST ? share : WINDOW_FIRST;
  p->trim = 1;
  if (p->window > window_most(p) / 2) p->window = ceil(window_most(p) / 2);
  p->first_us = now_us;
}

void pace_set_limits(struct pace *p, const struct shaping_limits *limits) {
  p->limits = *limits;
  if (p->window > window_most(p)) p->window = window_most(p);
}

struct pace_memory pace_remember(const struct pace *p) {
  return (struct pace_memory){.connections = (unsigned)p->window,
                              .refused_at = p->refused_at,
                              .closed_after = p->closed_after,
                              .rate = p->rate > 0 && p->good > 0 && p->good < p->rate ? p->good : p->rate};
}

void pace_recall(struct pace *p, const struct pace_memory *m, int64_t now_us) {
  p->window = m->connections ? m->connections : 1;
  if (p->window > window_most(p)) p->window = window_most(p);
  p->refused_at = m->refused_at;
  p->closed_after = m->closed_after;
  p->window_probe_us = p->closed_probe_us = p->rate_probe_us = now_us + PROBE_US;
  if (m->rate <= 0) return;
  p->rate = p->good = m->rate;
  p->bad = m->rate * CLOSE_ENOUGH; /* what was just below a limit then */
  p->rate_since_us = now_us;
}

/* --- may it --- */

int64_t pace_message_at(const struct pace *p, int64_t now_us) {
  int64_t at = later(p->pause_until_us, p->hold_until_us);
  if (at <= now_us && p->probing && p->probe_out) return PACE_NEVER;
  for (int w = PACE_SECOND; w <= PACE_LEARNT; w++) at = later(at, due_at(p, (enum pace_window)w));
  return at;
}

/* A window that is as large as what was refused once is for a probe. */
static unsigned connections_allowed(const struct pace *p, int64_t now_us) {
  unsigned most = (unsigned)p->window;
  if (p->refused_at && most >= p->refused_at && now_us < p->window_probe_us) most = p->refused_at - 1;
  if (p->single_until_us > now_us || p->probing) most = 1;
  return most ? most : 1;
}

int64_t pace_connect_at(const struct pace *p, int64_t now_us) {
  int64_t at = later(pace_message_at(p, now_us), due_at(p, PACE_CONNECTS));
  return p->open < connections_allowed(p, now_us) ? at : PACE_NEVER;
}

unsigned pace_messages_of_connection(const struct pace *p, int64_t now_us) {
  unsigned most = p->limits.messages ? p->limits.messages : 1, learnt = p->closed_after;
  if (learnt && now_us >= p->closed_probe_us) learnt += learnt / 4 + 1;
  return learnt && learnt < most ? learnt : most;
}

/* --- connections --- */

void pace_connect_begins(struct pace *p, int64_t now_us) {
  p->open++;
  count_one(p, PACE_CONNECTS, now_us);
}

void pace_connect_ends(struct pace *p) {
  p->open--;
}

void pace_connect_done(struct pace *p, int64_t now_us) {
  if (!p->refused_at || p->open < p->refused_at || now_us < p->window_probe_us) return;
  p->refused_at = 0; /* it bears more than it did */
  p->window_failures = 0;
}

static void hold(struct pace *p, int64_t now_us) {
  p->hold_until_us = now_us + doubled(HOLD_US, p->troubles, HOLD_MOST_US);
  p->trouble_us = now_us;
  p->troubles++;
  p->probing = true;
  p->probe_out = false;
  p->burst = p->trickle = 0;
}

/* A site that takes mail on the others says that this one is too many; one that takes none, that it is not the moment.
 */
void pace_connect_refused(struct pace *p, int64_t now_us) {
  unsigned others = p->open > 1 ? p->open - 1 : 0;
  if (!others || !accepted_in(p, PACE_BUCKETS, now_us)) {
    if (now_us >= p->hold_until_us) hold(p, now_us);
    return;
  }
  bool same_moment = p->refused_at && now_us < p->window_probe_us;
  if (same_moment && others + 1 >= p->refused_at) return;
  p->refused_at = others + 1;
  p->window = others;
  if (same_moment) return;
  p->window_probe_us = now_us + doubled(PROBE_US, p->window_failures, PROBE_MOST_US);
  p->window_failures++;
}

/* Only what is made use of shows that it is borne. */
static void grow_window(struct pace *p, int64_t now_us) {
  if (p->open < (unsigned)p->window || p->window >= window_most(p)) return;
  if (!p->refused_at)
    p->window += GROWTH;
  else if ((unsigned)p->window + 1 < p->refused_at || now_us >= p->window_probe_us)
    p->window += 1 / p->window;
  if (p->window > window_most(p)) p->window = window_most(p);
  if (p->refused_at && p->window > p->refused_at) p->window = p->refused_at;
}

/* --- messages of a connection --- */

/* A connection has carried more of late, so that is not what it closes after. */
static bool has_carried_more(const struct pace *p, unsigned done, int64_t now_us) {
  return p->carried_most > done && now_us - p->carried_us < CARRIED_US;
}

/* True: this is the site's limit, and nothing else is the matter. */
static bool note_closed(struct pace *p, unsigned done, int64_t now_us) {
  bool probe = p->closed_after && done >= p->closed_after;
  bool again = done && done == p->closed_candidate && p->accepted_since_candidate && !has_carried_more(p, done, now_us);
  p->closed_candidate = done;
  p->accepted_since_candidate = false;
  if (!probe && !again) return false;
  p->closed_after = done;
  p->closed_probe_us = now_us + doubled(PROBE_US, p->closed_failures, PROBE_MOST_US);
  p->closed_failures++;
  return true;
}

static void note_carried(struct pace *p, unsigned done, int64_t now_us) {
  if (done + 1 >= p->carried_most || now_us - p->carried_us >= CARRIED_US) {
    p->carried_most = done + 1;
    p->carried_us = now_us;
  }
  if (p->closed_after && done + 1 > p->closed_after) p->closed_after = done + 1;
}

/* --- messages a second --- */

static void set_rate(struct pace *p, double rate, int64_t now_us) {
  p->rate = rate > RATE_LEAST ? rate : RATE_LEAST;
  p->rate_since_us = now_us;
  p->rate_accepted = 0;
  p->trim = 1;
  p->tat_us[PACE_LEARNT] = now_us;
}

/* The best that held; a little less when nothing is left to find out, for a trickle does not show at once. */
static void set_good(struct pace *p, int64_t now_us) {
  set_rate(p, p->bad <= p->good * CLOSE_ENOUGH ? p->good * SETTLED : p->good, now_us);
}

static void learn_first(struct pace *p, int64_t now_us) {
  double in_a_minute = accepted_in(p, PACE_BUCKETS, now_us) / 60.0;
  if (in_a_minute <= 0) return; /* nothing was accepted: it is not about how much */
  p->bad = accepted_rate(p, 2, now_us);
  p->good = UNDER_ACCEPTED * in_a_minute;
  if (p->bad < p->good * CLOSE_ENOUGH) p->bad = p->good * CLOSE_ENOUGH;
  set_rate(p, p->good, now_us);
}

static void learn_again(struct pace *p, double under, int64_t now_us) {
  bool at_good = p->rate <= p->good;
  p->bad = p->rate;
  if (at_good) p->good = under * p->rate;
  if (p->bad <= p->good * OVER_GOOD) { /* so it was a probe, or the limit has moved */
    p->rate_probe_us = now_us + doubled(PROBE_US, p->rate_failures, PROBE_MOST_US);
    p->rate_failures++;
  }
  set_good(p, now_us);
}

void pace_slow(struct pace *p, int64_t now_us) {
  if (now_us < p->hold_until_us) return; /* it has been said already */
  p->trickles = 0;
  if (p->probing) {
    /* still the same trouble: it says nothing of the new rate */
  } else if (p->rate > 0) {
    learn_again(p, UNDER_GOOD, now_us);
  } else {
    learn_first(p, now_us);
  }
  hold(p, now_us);
}

/* A rate that is only just too much, which a little less cures. What goes on all the same is not about the amount, and
 * the rate is what it was. */
static void slow_a_little(struct pace *p, int64_t now_us) {
  p->trickle = 0;
  if (now_us < p->trickle_deaf_us) return;
  if (p->trickles == TRICKLES_MOST) {
    p->trickles = 0;
    p->trickle_deaf_us = now_us + TRICKLE_DEAF_US;
    p->good = p->trickle_from;
    p->bad = p->good * CLOSE_ENOUGH;
    set_rate(p, p->good, now_us);
    return;
  }
  if (!p->trickles++) p->trickle_from = p->good;
  learn_again(p, UNDER_TRICKLE, now_us);
  hold(p, now_us);
}

/* Neither less mail nor waiting helps, so it is not about the amount: greylisting that does not say so looks like this.
 * It goes on slowly, and what is deferred for a while is not counted. */
static void give_up_slowing(struct pace *p, int64_t now_us) {
  p->deaf_until_us = now_us + DEAF_US;
  p->probing = false;
  p->troubles = 0;
  p->bad = 0;
  p->good = p->rate > 0 && p->rate < DEAF_RATE ? p->rate : DEAF_RATE;
  set_rate(p, p->good, now_us);
  pace_single(p, p->deaf_until_us);
}

/* The next rate, after one that held: closer to the limit. */
static void raise_rate(struct pace *p, int64_t now_us) {
  if (p->rate > p->good) p->good = p->rate;
  if (!p->bad) {
    p->rate_failures = 0;
    set_rate(p, p->good * STEP, now_us);
  } else if (p->bad > p->good * CLOSE_ENOUGH) {
    double middle = (p->good + p->bad) / 2;
    set_rate(p, middle < p->good * STEP ? middle : p->good * STEP, now_us);
  } else if (now_us >= p->rate_probe_us) {
    p->bad = 0;
    set_rate(p, p->good * OVER_GOOD, now_us);
  } else if (p->rate >= p->good) {
    set_good(p, now_us);
  }
}

/* A rate that is a little over the limit is refused so seldom that no single refusal shows it: each takes a bit off,
 * and what is accepted adds less. What the rate has no part in takes this much at most. */
static void trim(struct pace *p, double by) {
  p->trim += by;
  if (p->trim > 1) p->trim = 1;
  if (p->trim < TRIM_LEAST) p->trim = TRIM_LEAST;
}

static void note_accepted(struct pace *p, int64_t began_us, int64_t now_us) {
  count_accepted(p, now_us);
  p->burst *= BURST_KEPT;
  p->trickle *= TRICKLE_KEPT;
  p->accepted_since_candidate = true;
  p->rate_accepted++;
  trim(p, TRIM_DOWN * TRIM_BORNE);
  if (began_us > p->trouble_us) p->probing = false;
  int64_t since = now_us - later(p->rate_since_us, p->trouble_us);
  if (since < SUSTAIN_US) return;
  p->troubles = 0;
  if (p->rate_accepted < SUSTAIN_MESSAGES && since < SUSTAIN_MOST_US) return;
  p->trickles = 0; /* less did help */
  if (p->rate > 0 && accepted_in(p, PACE_BUCKETS - 1, now_us) >= USED_LEAST * p->rate * 50) raise_rate(p, now_us);
}

/* Is the rate too much, by what was deferred and refused? */
static void judge_rate(struct pace *p, int64_t now_us) {
  trim(p, -TRIM_DOWN);
  if (p->probing || p->burst >= BURST_MOST || (p->rate <= 0 && p->trickle >= TRICKLE_FIRST))
    pace_slow(p, now_us);
  else if (p->rate > 0 && p->trickle >= (p->rate > p->good ? TRICKLE_MOST : TRICKLE_FIRST))
    slow_a_little(p, now_us);
}

static void note_deferred(struct pace *p, int64_t now_us) {
  if (now_us < p->deaf_until_us) return;
  p->burst += 1;
  p->trickle += 1;
  if (p->probing && p->troubles >= DEAF_AFTER)
    give_up_slowing(p, now_us);
  else
    judge_rate(p, now_us);
}

static void note_refused(struct pace *p, int64_t now_us) {
  p->burst += CLOSED_WEIGHT;
  p->trickle += 1;
  judge_rate(p, now_us);
}

void pace_message_begins(struct pace *p, int64_t now_us) {
  for (int w = PACE_SECOND; w <= PACE_LEARNT; w++) count_one(p, (enum pace_window)w, now_us);
  if (p->probing) p->probe_out = true;
}

void pace_message_ends(struct pace *p, enum pace_sign sign, unsigned done, int64_t began_us, int64_t now_us) {
  bool current = began_us >= p->trouble_us; /* what began before a trouble is part of it */
  if (p->probing && current) p->probe_out = false;
  if (sign == PACE_ACCEPTED) {
    note_accepted(p, began_us, now_us);
    note_carried(p, done, now_us);
    grow_window(p, now_us);
  } else if (sign == PACE_CLOSED) {
    if (!note_closed(p, done, now_us) && current) note_refused(p, now_us);
  } else if (sign == PACE_DEFERRED && current) {
    note_deferred(p, now_us);
  } else if (sign == PACE_SLOW && current) {
    pace_slow(p, now_us);
  }
}

/* --- what replies ask for --- */

void pace_single(struct pace *p, int64_t until_us) {
  p->single_until_us = later(p->single_until_us, until_us);
}

void pace_pause(struct pace *p, int64_t until_us) {
  p->pause_until_us = later(p->pause_until_us, until_us);
}

void pace_resume(struct pace *p) {
  p->pause_until_us = p->single_until_us = p->hold_until_us = 0;
  p->troubles = 0;
}

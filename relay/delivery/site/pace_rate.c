/* Messages a second: what 4xx and 421 say of the rate, and how it closes in on what the site bears. */
#include "relay/delivery/site/pace_parts.h"

#define BURST_KEPT 0.9 /* of the score of 4xx, with each message accepted: one in five is a burst */
#define BURST_MOST 2.9
#define TRICKLE_KEPT 0.995 /* about one in fifty is a trickle */
#define TRICKLE_MOST 6.0
#define TRICKLE_FIRST 9.0 /* where no rate is known, or it has held before: one in twenty-four */
#define CLOSED_WEIGHT 1.5 /* 421 is said on purpose */

#define SUSTAIN_US (90 * SECOND_US) /* a rate that held for so long is good: longer than a window of a minute */
#define SUSTAIN_MESSAGES 150        /* and for so many, or so long */
#define SUSTAIN_MOST_US (600 * SECOND_US)
#define SUSTAIN_UNPROVEN_US (60 * SECOND_US)
#define USED_LEAST 0.8 /* of the rate, in the last minute: it was put to the test */
#define TRIED_LEAST 0.5
#define STEP 1.5 /* the most that is tried at once */
#define STEP_UNPROVEN 2.0
#define LITTLE_MESSAGES 10 /* accepted in a minute: of less, nothing is learnt at first */
#define LITTLE_US (600 * SECOND_US)
#define LITTLE_RATE (1.0 / 6) /* and it goes no slower, unless a reply asks for it, or a trickle shows it */
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
#define RELIEF_MESSAGES 20 /* accepted one after the other, and nothing deferred for so long, end it */
#define RELIEF_US (60 * SECOND_US)
#define RATE_LEAST (1.0 / 600) /* a message in ten minutes */

#define HOLD_US (10 * SECOND_US)
#define HOLD_MOST_US (600 * SECOND_US)

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

unsigned pace_accepted_in(const struct pace *p, int64_t count, int64_t now_us) {
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
  return pace_accepted_in(p, count, now_us) * (double)SECOND_US / (double)span;
}

double pace_rate_of_late(const struct pace *p, int64_t now_us) {
  return accepted_rate(p, PACE_BUCKETS - 1, now_us);
}

/* --- a trouble --- */

void pace_hold(struct pace *p, int64_t now_us) {
  p->hold_until_us = now_us + pace_doubled(HOLD_US, p->troubles, HOLD_MOST_US);
  p->trouble_us = now_us;
  p->troubles++;
  p->probing = true;
  p->probe_out = false;
  p->burst = p->trickle = 0;
}

/* --- the rate --- */

/* What the rate was before the first of `troubles`, or of the deafness that came of them. */
static void begin_trouble(struct pace *p) {
  if (!p->troubles && !p->deaf) p->before = p->rate;
}

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
  double in_a_minute = pace_accepted_in(p, PACE_BUCKETS, now_us) / 60.0;
  if (in_a_minute <= 0) return; /* nothing was accepted: it is not about how much */
  p->bad = accepted_rate(p, 2, now_us);
  p->good = UNDER_ACCEPTED * in_a_minute;
  if (p->bad < p->good * CLOSE_ENOUGH) p->bad = p->good * CLOSE_ENOUGH;
  set_rate(p, p->good, now_us);
}

/* It was too little mail to show a limit: what is tried next goes up soon. */
static void set_unproven(struct pace *p, double rate, int64_t now_us) {
  p->unproven = true;
  p->bad = 0;
  p->good = rate;
  set_rate(p, rate, now_us);
}

/* What a site took when little was sent says nothing of how much it takes. So it is given a moment; and when that does
 * not help, a rate that is raised soon. */
static void learn_from_little(struct pace *p, int64_t now_us) {
  bool again = p->little_us && now_us - p->little_us <= LITTLE_US;
  p->little_us = now_us;
  if (again) set_unproven(p, LITTLE_RATE, now_us);
}

/* Not below `least`, where it is above. */
static void learn_again(struct pace *p, double under, double least, int64_t now_us) {
  bool at_good = p->rate <= p->good;
  if (at_good && under * p->rate < least) {
    set_unproven(p, p->rate < least ? p->rate : least, now_us);
    return;
  }
  p->unproven = false;
  p->bad = p->rate;
  if (at_good) p->good = under * p->rate;
  if (p->bad <= p->good * OVER_GOOD) { /* so it was a probe, or the limit has moved */
    p->rate_probe_us = now_us + pace_doubled(PROBE_US, p->rate_failures, PROBE_MOST_US);
    p->rate_failures++;
  }
  set_good(p, now_us);
}

/* In the last minute, or since the last trouble, more or less as much was sent as the rate allows. Else it is not the
 * rate that is too much. */
static bool was_tried(const struct pace *p, int64_t now_us) {
  const int64_t most = (PACE_BUCKETS - 2) * PACE_BUCKET_US;
  int64_t span = now_us - p->hold_until_us < most ? now_us - p->hold_until_us : most;
  if (span < SECOND_US) span = SECOND_US;
  double sent = pace_accepted_in(p, PACE_BUCKETS - 1, now_us) + p->burst;
  return sent * (double)SECOND_US >= TRIED_LEAST * p->rate * (double)span;
}

static void slow(struct pace *p, bool asked, int64_t now_us) {
  if (now_us < p->hold_until_us) return; /* it has been said already */
  p->trickles = 0;
  if (p->probing) {
    /* still the same trouble: it says nothing of the new rate */
  } else if (p->rate > 0) {
    if (asked || p->troubles || was_tried(p, now_us)) learn_again(p, UNDER_GOOD, asked ? 0 : LITTLE_RATE, now_us);
  } else if (asked || pace_accepted_in(p, PACE_BUCKETS, now_us) >= LITTLE_MESSAGES) {
    learn_first(p, now_us);
  } else {
    learn_from_little(p, now_us);
  }
  pace_hold(p, now_us);
}

void pace_slow(struct pace *p, int64_t now_us) {
  begin_trouble(p);
  slow(p, true, now_us);
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
  learn_again(p, UNDER_TRICKLE, 0, now_us);
  pace_hold(p, now_us);
}

/* Neither less mail nor waiting helps, so it is not about the amount: greylisting that does not say so looks like this,
 * or a site that is out of order. It goes on slowly, and what is deferred for a while is not counted. */
static void give_up_slowing(struct pace *p, int64_t now_us) {
  p->deaf = p->unproven = true;
  p->relief = 0;
  p->deaf_until_us = now_us + DEAF_US;
  p->probing = false;
  p->troubles = 0;
  p->bad = 0;
  p->good = p->rate > 0 && p->rate < DEAF_RATE ? p->rate : DEAF_RATE;
  set_rate(p, p->good, now_us);
  pace_single(p, p->deaf_until_us);
}

/* The site takes mail again as if nothing had been: its rate is what it was before. */
static void end_deafness(struct pace *p, int64_t now_us) {
  if (p->single_until_us == p->deaf_until_us) p->single_until_us = 0;
  p->deaf = p->unproven = false;
  p->deaf_until_us = 0;
  p->troubles = 0;
  p->bad = 0;
  p->good = p->before;
  set_rate(p, p->before, now_us);
  if (p->before <= 0) p->rate = 0;
}

/* The next rate, after one that held: closer to the limit. */
static void raise_rate(struct pace *p, int64_t now_us) {
  if (p->rate > p->good) p->good = p->rate;
  if (p->bad <= 0) {
    p->rate_failures = 0;
    set_rate(p, p->good * (p->unproven ? STEP_UNPROVEN : STEP), now_us);
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

static bool is_used(const struct pace *p, int64_t now_us) {
  return p->rate > 0 && pace_accepted_in(p, PACE_BUCKETS - 1, now_us) >= USED_LEAST * p->rate * 50;
}

void pace_note_accepted(struct pace *p, int64_t began_us, int64_t now_us) {
  count_accepted(p, now_us);
  p->burst *= BURST_KEPT;
  p->trickle *= TRICKLE_KEPT;
  p->accepted_since_candidate = true;
  p->rate_accepted++;
  trim(p, TRIM_DOWN * TRIM_BORNE);
  if (began_us > p->trouble_us) p->probing = false;
  if (p->deaf && ++p->relief >= RELIEF_MESSAGES && now_us - p->deferred_us >= RELIEF_US) end_deafness(p, now_us);
  int64_t since = now_us - pace_later(p->rate_since_us, p->trouble_us);
  if (p->unproven && since >= SUSTAIN_UNPROVEN_US && is_used(p, now_us)) raise_rate(p, now_us);
  if (since < SUSTAIN_US) return;
  p->troubles = 0;
  if (p->rate_accepted < SUSTAIN_MESSAGES && since < SUSTAIN_MOST_US) return;
  p->trickles = 0; /* less did help */
  if (is_used(p, now_us)) raise_rate(p, now_us);
}

/* Is the rate too much, by what was deferred and refused? */
static void judge_rate(struct pace *p, int64_t now_us) {
  trim(p, -TRIM_DOWN);
  begin_trouble(p);
  if (p->probing || p->burst >= BURST_MOST || (p->rate <= 0 && p->trickle >= TRICKLE_FIRST))
    slow(p, false, now_us);
  else if (p->rate > 0 && p->trickle >= (p->rate > p->good ? TRICKLE_MOST : TRICKLE_FIRST))
    slow_a_little(p, now_us);
}

void pace_note_deferred(struct pace *p, int64_t now_us) {
  p->relief = 0;
  p->deferred_us = now_us;
  if (now_us < p->deaf_until_us) return;
  p->burst += 1;
  p->trickle += 1;
  if (p->probing && p->troubles >= DEAF_AFTER)
    give_up_slowing(p, now_us);
  else
    judge_rate(p, now_us);
}

void pace_note_refused(struct pace *p, int64_t now_us) {
  p->burst += CLOSED_WEIGHT;
  p->trickle += 1;
  judge_rate(p, now_us);
}

void pace_recall_rate(struct pace *p, double rate, int64_t now_us) {
  p->rate = p->good = rate;
  p->bad = rate * CLOSE_ENOUGH; /* what was just below a limit then */
  p->rate_since_us = now_us;
}

void pace_forget_rate(struct pace *p) {
  p->rate = p->good = p->bad = p->before = 0;
  p->trim = 1;
  p->burst = p->trickle = 0;
  p->trickles = p->troubles = p->rate_failures = p->relief = 0;
  p->deaf = p->unproven = p->probing = p->probe_out = false;
  p->hold_until_us = p->deaf_until_us = p->trickle_deaf_us = p->little_us = 0;
}

/* What the replies of a site (the provider behind mail exchangers) have taught, for one source: statistics of a fixed
 * size, which can be printed as they are. docs/learning.md has what they are used for. What is older counts less: each
 * group of counters is halved when it is full, and all of them once a week. Plain data, with the time passed in; any
 * thread. */
#ifndef SENDOFF_BASE_SITE_LEARNING_H
#define SENDOFF_BASE_SITE_LEARNING_H

#include "base/site/learnt_greylist.h"
#include "base/site/learnt_times.h"

#define LEARNING_HOURS 24
#define LEARNING_SIZES 5
#define LEARNING_SHARE_MOST 64 /* counted in one share; then it is halved */
#define LEARNING_AGE_US (7 * INT64_C(86400) * 1000000)
#define LEARNING_SOURCE_LEAST 10   /* messages, before a source is judged by them */
#define LEARNING_PERCENT_LEAST 5   /* percent: what a source keeps of its weight at a site that refuses it */
#define LEARNING_PERCENT_NEARLY 10 /* percentage points below the best that make no difference */

/* How often, of how many times. */
struct learnt_share {
  uint16_t all, hits;
};

struct site_learning {
  struct learnt_greylist greylist;
  struct learnt_times delivery;    /* from when a message could first be tried until it was delivered */
  struct learnt_times transaction; /* from MAIL to the last reply */
  struct learnt_share hours[LEARNING_HOURS], sizes[LEARNING_SIZES]; /* recipients answered, and put off: by the hour
                                                                       (UTC), by the message's size */
  struct learnt_share source; /* messages that it took, or refused in a way that may be for the source's sake; taken */
  int64_t aged_us;            /* when they were halved last; 0: nothing is known */
};

/* A note of it, as it is kept. */
struct site_learning_note {
  const char *site, *source; /* source "": the system's choice */
  struct site_learning learnt;
  int64_t updated_us;
};

/* What a site answered for one recipient. */
struct learnt_answer {
  bool first; /* at the first attempt */
  bool taken;
  bool greylisted;        /* put off as greylisting does */
  bool put_off;           /* with any other 4xx, or with that again */
  int64_t since_first_us; /* since it was put off first; 0: that is not known */
  int64_t delivery_us;    /* `taken`, and how long that took; 0: that is not known */
  uint64_t size;
};
void site_learning_answer(struct site_learning *l, const struct learnt_answer *a, int64_t now_us);
/* A message that was taken, or refused in a way that may be for the source's sake. */
void site_learning_source(struct site_learning *l, bool taken);
/* A connection was refused by every host. */
void site_learning_refused(struct site_learning *l, int64_t now_us);
/* Halves everything for each week that has passed. */
void site_learning_age(struct site_learning *l, int64_t now_us);
/* Something is known. */
bool site_learning_any(const struct site_learning *l);

/* How much of its weight each source of a site keeps: 100, or less where it is refused more than the best of them, in
 * proportion; LEARNING_PERCENT_LEAST at least. */
unsigned learnt_percent(const struct learnt_share *source, const struct learnt_share *all, size_t count);

/* The largest size of that class, in octets; UINT64_MAX for the last. */
uint64_t learning_size_most(unsigned size_class);

#endif

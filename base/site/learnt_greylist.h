/* After which time a site takes what it has put off at first (greylisting, RFC 6647), learnt from the attempts that
 * came later: each was taken or refused at some time since the first. Plain data of counters only, with the time passed
 * in; any thread.
 *
 * The times are parted where greylisting programs have their settings (1 minute, 5 minutes ...). What longer waiting
 * brings is never less, so where a later time has fared worse than an earlier one, by chance, the two count as one. The
 * first time that has fared nearly as well as any later one is what the site asks for; refusals that come whenever one
 * tries do not move it. */
#ifndef SENDOFF_BASE_LEARNT_GREYLIST_H
#define SENDOFF_BASE_LEARNT_GREYLIST_H

#include <stdbool.h>
#include <stdint.h>

#define GREYLIST_SLOTS 35        /* from less than a second to four hours and more */
#define GREYLIST_COUNTED_MOST 64 /* attempts; then all counters are halved */
#define GREYLIST_TAKEN_LEAST 3   /* at a time, before it is relied on */
#define GREYLIST_NEARLY_PERCENT 90
#define GREYLIST_EXPLORE_ONE_IN 4 /* of the recipients that are put off, while there is something to find out; */
#define GREYLIST_EXPLORE_PART 4   /* not earlier than this part of the time that is known to do */

struct learnt_greylist {
  uint16_t firsts, put_off; /* first attempts that were answered; those of them that were put off */
  uint16_t taken[GREYLIST_SLOTS], refused[GREYLIST_SLOTS]; /* later attempts, by the time since the first */
};

/* A first attempt was answered. */
void greylist_first(struct learnt_greylist *g, bool put_off);
/* A later attempt was answered, so long after the first. */
void greylist_retry(struct learnt_greylist *g, int64_t since_first_us, bool taken);

/* After how long it takes mail; 0: that is not known. */
int64_t greylist_known(const struct learnt_greylist *g);
/* How long after the first attempt the next one is best made. Mostly that is greylist_known; now and then, by `random`
 * (any value), an earlier time that may do as well. 0: it is not known. */
int64_t greylist_best(const struct learnt_greylist *g, uint32_t random);

/* When the next attempt is best made at a recipient that is put off now; clock_now_us's times. */
struct greylist_case {
  int64_t first_us; /* when it was put off first */
  int64_t now_us;
  int64_t not_before_us; /* what the reply asks for, or the table; 0: nothing */
  int64_t again_us;      /* once the known time has passed: as long again, if that is no longer than this */
  uint32_t random;
};
/* 0: nothing is known that helps. */
int64_t greylist_retry_at(const struct learnt_greylist *g, const struct greylist_case *c);

/* From when on slot `i` is, after the first attempt. */
int64_t greylist_slot_us(unsigned i);

#endif

/* How far a source has warmed up at one provider: which day of its plan it is, what was used of that day's amount, and
 * how the provider took it. Plain data with a clock passed in: no time is read, nothing is allocated. Any thread.
 *
 *   warmup_roll (first, always)  ->  warmup_room: so many recipients may leave now  ->  warmup_take: they do
 *                                    0: warmup_put_off says when                        warmup_give_back: what came of
 * them
 *
 * A day is a day of UTC. Its amount is released hour by hour, so that it is not gone at midnight: the hours' even
 * shares add up, WARMUP_AT_ONCE at the least; of what earlier hours left, an hour makes up at most an eighth of the
 * day's amount. What left is in `out` until it comes back, so the amount is never exceeded, and what never came to the
 * provider costs nothing.
 *
 * The next day of the plan comes at midnight when the amount was used by half, or by a quarter while mail had to wait
 * for it; an idle day changes nothing. It does not come while the source is held back: when more recipients than the
 * plan's ratio were refused or deferred for the source's sake, today and the day before together, WARMUP_SAMPLE at
 * least. After ten times that ratio the plan goes a day back. It is held back no more at the midnight at which that
 * ratio is not exceeded any more. WARMUP_IDLE_DAYS without mail, and it begins again. */
#ifndef SENDOFF_BASE_WARMUP_H
#define SENDOFF_BASE_WARMUP_H

#include "base/site/warmup_plan.h"

#define WARMUP_AT_ONCE 20
#define WARMUP_SAMPLE 3
#define WARMUP_IDLE_DAYS 30

struct warmup {
  unsigned step;   /* day of the plan, from 1; 0: nothing has left yet; after the last one it is warm */
  bool held;       /* back */
  bool short_of;   /* today, mail waited or went elsewhere for want of room */
  int64_t day;     /* days since 1970-01-01 UTC: what `used` and [0] below are of */
  int64_t used_on; /* the last day on which mail came to the provider */
  unsigned hour;   /* of the day: what used_hour is of */
  uint32_t used, used_hour;
  uint32_t attempts[2], against[2]; /* recipients that were answered, and those refused or deferred for the source's
                                       sake: today, the day before */
  int64_t turned_away_us;           /* when a refused connection was counted last */
  /* Not kept beyond a restart: */
  uint32_t out;    /* have left, and are not back */
  uint32_t booked; /* places of today and later that were promised to what was put off */
};

/* What the store keeps of it. */
struct warmup_note {
  const char *source, *provider;
  int64_t since_us; /* of the source's plan (struct source) */
  struct warmup state;
};

/* What came of recipients that had left. */
struct warmup_tally {
  uint32_t used;     /* came to the provider: these count towards the amount */
  uint32_t attempts; /* of these it took, or refused for some reason, */
  uint32_t against;  /* and so many for the source's sake */
  bool turned_away;  /* it refused the connection; counted once a minute, however much mail waited for that */
};

/* What has changed, for the log. */
enum warmup_change {
  WARMUP_BEGAN = 1,
  WARMUP_GREW = 2,
  WARMUP_SHRANK = 4,
  WARMUP_HELD = 8,
  WARMUP_RESUMED = 16,
  WARMUP_ENDED = 32,
  WARMUP_FORGOTTEN = 64, /* it was idle for so long that it begins again */
};

/* Up to now: the end of a day, or of several. Returns changes, by bit. */
unsigned warmup_roll(struct warmup *w, const struct warmup_course *c, int64_t now_us);
bool warmup_is_warm(const struct warmup *w, const struct warmup_course *c);
/* How many recipients may leave now; UINT32_MAX when it is warm. */
uint32_t warmup_room(const struct warmup *w, const struct warmup_course *c);
/* `count` of them leave; returns changes. */
unsigned warmup_take(struct warmup *w, uint32_t count);
/* `count` of those that left are back. Returns changes. */
unsigned warmup_give_back(struct warmup *w, const struct warmup_course *c, uint32_t count,
                          const struct warmup_tally *came, int64_t now_us);
/* There was no room for these: they went elsewhere. */
void warmup_missed(struct warmup *w);
/* Nor is there anything else: when `count` recipients have their places, behind all that were put off before. */
int64_t warmup_put_off(struct warmup *w, const struct warmup_course *c, uint32_t count, int64_t now_us);
/* Refused and deferred ones in 10,000, of today and the day before. */
unsigned warmup_ratio(const struct warmup *w);

#endif

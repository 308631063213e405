/* How fast mail may go from one source to one site: connections, messages of a connection, messages a second. Plain
 * data, with the clock passed in (microseconds of a clock that does not jump); one thread.
 *
 * The table's limits (base/site/shaping.h) are never exceeded. Below them it finds out what the site bears:
 *
 * - Connections begin at a quarter and grow with what is accepted, while all of them are in use. One that is refused
 *   while others are open shows how many are too many; more is tried again after a time that doubles each time.
 * - A site that closes (421) twice after the same number of messages gets no more than that on a connection.
 * - Too much mail a second shows in a burst of 4xx, or a constant trickle of them. Then nothing is sent for a moment
 * (the longer, the sooner it comes again), one message tries whether the site takes mail again, and the rate is what
 * was accepted in the last minute. From there it closes in on the limit: between the best rate that held for a while,
 * and the least that did not. When these two are close it stays at the former, and tries more now and then, ever more
 * seldom. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_PACE_H
#define SENDOFF_RELAY_DELIVERY_SITE_PACE_H

#include "base/clock.h"
#include "base/site/shaping.h"

#define PACE_NEVER INT64_MAX /* not before something else has happened at the site */
#define PACE_BUCKETS 7       /* of PACE_BUCKET_US: a minute, and the one that runs */
#define PACE_BUCKET_US (10 * SECOND_US)

enum pace_window { PACE_SECOND, PACE_MINUTE, PACE_HOUR, PACE_LEARNT, PACE_CONNECTS, PACE_WINDOWS };

struct pace {
  struct shaping_limits limits;
  unsigned open;                /* connections, those being opened included */
  int64_t tat_us[PACE_WINDOWS]; /* of each rate: when the next would be due (GCRA) */
  int64_t pause_until_us, single_until_us;
  /* connections */
  double window;       /* how many it bears, as far as is known */
  unsigned refused_at; /* so many were too many; 0: not known */
  unsigned window_failures;
  int64_t window_probe_us; /* so many may be tried again from then on */
  /* messages of a connection */
  unsigned closed_after, closed_candidate; /* 0: not known */
  bool accepted_since_candidate;
  unsigned carried_most; /* of late */
  int64_t carried_us;
  unsigned closed_failures;
  int64_t closed_probe_us;
  /* messages a second */
  double rate, good, bad; /* 0: not known; rate 0: as many as come */
  double trim;            /* what part of the rate is made use of */
  unsigned rate_accepted; /* messages, since it is so */
  double burst, trickle;  /* of 4xx */
  double trickle_from;    /* the rate before the first of `trickles` */
  int64_t trickle_deaf_us;
  int64_t rate_since_us, rate_probe_us, trouble_us, hold_until_us;
  int64_t deaf_until_us; /* 4xx is not about the amount */
  bool deaf;             /* since then, until it takes mail again as if nothing had been: */
  unsigned relief;       /* messages accepted one after the other */
  int64_t deferred_us;   /* the last deferral */
  double before;         /* the rate before all that; 0: as many as come */
  bool unproven;         /* the rate comes from no limit that showed */
  int64_t little_us;     /* when there was too little to learn from */
  unsigned troubles, trickles, rate_failures;
  bool probing, probe_out; /* after a hold: one message first; it is under way */
  struct {
    int64_t number; /* of the buckets since the clock began */
    unsigned accepted;
  } buckets[PACE_BUCKETS];
  int64_t first_us; /* the first message of a busy time */
};

/* What came of a message, for the pace. */
enum pace_sign {
  PACE_ACCEPTED, /* a reply that a site in good order gives: also 5xx */
  PACE_DEFERRED, /* 4xx that may be about the amount of mail */
  PACE_CLOSED,   /* 421 */
  PACE_SLOW,     /* a reply that asks for less mail */
  PACE_NEUTRAL   /* says nothing: no reply, or it was about the recipient alone */
};

/* What is kept of it over a restart. */
struct pace_memory {
  unsigned connections, refused_at, closed_after;
  double rate; /* 0: none */
};

void pace_init(struct pace *p, const struct shaping_limits *limits, int64_t now_us);
/* The table has changed. */
void pace_set_limits(struct pace *p, const struct shaping_limits *limits);

/* From when a message may begin on a connection that is open; now or earlier: at once. */
int64_t pace_message_at(const struct pace *p, int64_t now_us);
/* From when another connection may be opened, for a message that has none. */
int64_t pace_connect_at(const struct pace *p, int64_t now_us);
/* How many messages a connection may carry. */
unsigned pace_messages_of_connection(const struct pace *p, int64_t now_us);

/* Messages a second that were accepted in the last minute. */
double pace_rate_of_late(const struct pace *p, int64_t now_us);

void pace_connect_begins(struct pace *p, int64_t now_us);
/* It is ready for mail. */
void pace_connect_done(struct pace *p, int64_t now_us);
/* The site refused it; pace_connect_ends comes after. */
void pace_connect_refused(struct pace *p, int64_t now_us);
/* It has ended, in whatever way. */
void pace_connect_ends(struct pace *p);
void pace_message_begins(struct pace *p, int64_t now_us);
/* `done`: messages that its connection had carried before it. */
void pace_message_ends(struct pace *p, enum pace_sign sign, unsigned done, int64_t began_us, int64_t now_us);

/* What a reply asks for (enum shaping_action). */
void pace_slow(struct pace *p, int64_t now_us);
void pace_single(struct pace *p, int64_t until_us);
void pace_pause(struct pace *p, int64_t until_us);
void pace_resume(struct pace *p); /* ends pauses and holds, and forgets the rate */

struct pace_memory pace_remember(const struct pace *p);
void pace_recall(struct pace *p, const struct pace_memory *m, int64_t now_us); /* after pace_init */

#endif

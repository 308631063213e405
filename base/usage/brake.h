/* The brake on stolen credentials: what an account has sent, beside what is usual for it, and the steps that follow
 * when the two part. Arithmetic; pure; any thread. docs/brake.md says the rules in prose.
 *
 *   NONE --a budget is exceeded--> SLOW --10 min later, far exceeded--> HOLD --1 h later, still going--> SUSPEND
 *   SLOW --24 h within all budgets--> NONE
 *   any  --somebody says that it is all right (brake_trust)--> NONE
 *
 * Forbidden: two steps at once; a step without a message that shows it; HOLD or SUSPEND that end by themselves. */
#ifndef SENDOFF_BASE_BRAKE_H
#define SENDOFF_BASE_BRAKE_H

#include "base/clock.h"
#include "base/directory/directory.h"

/* --- thresholds, with where they are from --- */

#define BRAKE_FIRST_LEAST 200      /* first-time recipients a day: mox's default for an account */
#define BRAKE_FIRST_TIMES 4        /* beyond that, so many times its own busiest day */
#define BRAKE_VOLUME_LEAST 500     /* recipients a day that never are "sudden volume" */
#define BRAKE_VOLUME_TIMES 10      /* the issue's: ten times the account's own week (its mean day) */
#define BRAKE_VOLUME_BUSIEST 2     /* or twice its busiest day, where that is more: newsletters are not even */
#define BRAKE_NEW_LEAST 2000       /* of both, while nothing is known of the account */
#define BRAKE_NEW_DAYS 7           /* so long: then its own week is there */
#define BRAKE_BOUNCE_LEAST 200     /* recipients in the week: services' least volume */
#define BRAKE_BOUNCE_REVIEW 50     /* of 1,000: 5 %, at which services review an account */
#define BRAKE_BOUNCE_PAUSE 100     /* of 1,000: 10 %, at which they pause it */
#define BRAKE_FAR_LEAST 50         /* recipients a day from networks that are not usual */
#define BRAKE_USUAL_NETWORK_DAYS 3 /* earlier days with mail from it make a network usual */
#define BRAKE_NETWORK_KEEP_DAYS 60
#define BRAKE_DOUBLE 2               /* so many times a budget is far beyond it: HOLD; SUSPEND when two are */
#define BRAKE_QUADRUPLE 4            /* so many times one budget: SUSPEND */
#define BRAKE_SUSPEND_RECIPIENTS 100 /* that were still submitted while held */
#define BRAKE_HOLD_AFTER_US (10 * 60 * SECOND_US)
#define BRAKE_SUSPEND_AFTER_US (60 * 60 * SECOND_US)
#define BRAKE_CALM_US (86400 * SECOND_US)
#define BRAKE_BACKLOG_US (86400 * SECOND_US) /* more than a day of mail waits behind the slow rate: far beyond */
#define BRAKE_SLOW_LEAST 60                  /* recipients an hour; else twice its mean day's */
#define BRAKE_SLOW_NEW 600
#define BRAKE_USUAL_FADES 32 /* what is usual loses a 32nd a day: half of it in three weeks */

/* --- what is kept of an account --- */

enum brake_step { BRAKE_NONE, BRAKE_SLOW, BRAKE_HOLD, BRAKE_SUSPEND, BRAKE_STEP_COUNT }; /* stored */
const char *brake_step_name(enum brake_step step); /* "none", "slow", "hold", "suspend" */

/* A day of UTC. Recipients, but for `day`. */
struct brake_day {
  int64_t day; /* since 1970; 0: unused */
  uint64_t accepted, first, far, delivered, bounced;
  bool braked; /* a budget was exceeded: it teaches nothing of what is usual */
};

/* An IPv4 /24 or IPv6 /48; "far" are networks that share no /16 or /32 with a usual one. */
struct brake_network {
  uint64_t key; /* brake_network_key's; 0: unused */
  int64_t last_day;
  uint64_t days; /* with mail from it */
};

#define BRAKE_DAYS 8 /* today, and a week before it */
#define BRAKE_NETWORKS 16

struct brake {
  enum brake_step step;
  enum check_mode mode; /* in which the step was reached */
  int64_t since_us;     /* when it reached the step; 0: never had another */
  int64_t braked_us;    /* when it left NONE */
  int64_t over_us;      /* when a budget was last exceeded */
  int64_t began_us;     /* its first message here; 0: none yet */
  int64_t trusted_us;   /* brake_trust; 0: never */
  int64_t acted_us;     /* when a message was last judged in CHECK_ENFORCE */
  int64_t slow_next_us; /* when the next slowed recipient may leave */
  uint64_t since_recipients;
  uint64_t usual_accepted, usual_first; /* of its busiest day, fading */
  int64_t told[BRAKE_STEP_COUNT];       /* the day on which "would have" was last said of each step */
  struct brake_day days[BRAKE_DAYS];    /* newest first; days without mail have none */
  struct brake_network networks[BRAKE_NETWORKS];
};

/* --- counting --- */

struct brake_mail {
  uint64_t recipients, first; /* first: it had never written to them before */
  uint64_t network;           /* 0: not known, or the operator's own */
};
/* 0 for loopback and private networks (RFC 1918, RFC 4193, RFC 6598, link-local): they are the operator's own. */
uint64_t brake_network_key(const struct sockaddr *client);
uint64_t brake_network_wide(uint64_t key);                  /* the same for all of one /16, or /32 */
void brake_network_format(uint64_t key, char out[IP_TEXT]); /* "192.0.2.0/24" */
bool brake_network_is_usual(const struct brake_network *n, int64_t now_us);

/* Brings it to now: a day that is over teaches what is usual, and what is older than a week goes. After a clock was set
 * back, the newest day goes on; one that is more than a day ahead goes, and other times that are ahead are now. */
void brake_roll(struct brake *b, int64_t now_us);
void brake_count_mail(struct brake *b, int64_t now_us, const struct brake_mail *m);              /* rolls first */
void brake_count_outcome(struct brake *b, int64_t now_us, uint64_t delivered, uint64_t bounced); /* rolls first */

/* --- judging --- */

enum brake_budget { BUDGET_FIRST, BUDGET_BOUNCES, BUDGET_VOLUME, BUDGET_FAR, BUDGET_COUNT };
const char *brake_budget_name(enum brake_budget budget); /* "first-time", "bounces", "volume", "network" */

/* How much of a budget is used. Of bounces: per mille, and of how many recipients. */
struct brake_use {
  uint64_t used, budget, far_budget; /* far_budget: from where it is far beyond; UINT64_MAX: never */
  uint64_t of;                       /* BUDGET_BOUNCES: recipients in the week */
  bool counts;                       /* false: too little to say anything */
};
/* Of `b`, rolled to now. */
void brake_uses(const struct brake *b, int64_t now_us, struct brake_use out[BUDGET_COUNT]);
static inline bool brake_is_over(const struct brake_use *u) {
  return u->counts && u->used > u->budget;
}
bool brake_is_new(const struct brake *b, int64_t now_us);
uint64_t brake_mean_day(const struct brake *b);                  /* of the days with mail before the newest */
uint64_t brake_slow_rate(const struct brake *b, int64_t now_us); /* recipients an hour */

/* After a message was counted: at most one step up, or from SLOW to NONE. A step that was only observed ends when the
 * brake acts. Domains of an account may have other modes: a step in force is not ended by mail that is only observed,
 * or a thief would send some; it takes no step either, until for a day there is no other. Returns true when a step up
 * was taken that is to be said: in CHECK_OBSERVE only the first of its kind in a day. */
bool brake_step(struct brake *b, int64_t now_us, enum check_mode mode);
/* When a message of so many recipients may leave at SLOW; takes the time that it needs. A day from now at most. */
int64_t brake_slow(struct brake *b, int64_t now_us, uint64_t recipients);
/* What it has seen is usual: back to NONE, with the busiest of these days as its own, and bounces forgotten. */
void brake_trust(struct brake *b, int64_t now_us);
/* It was not the account's owner: back to NONE, as if the days on which a budget was exceeded had not been. */
void brake_forget(struct brake *b, int64_t now_us);

/* What others need to know of an account that is being braked. */
#define BRAKE_TEXT 480 /* of a step, with its evidence (base/usage/brake_text.h) */
struct brake_status {
  enum brake_step step;
  enum check_mode mode;
  int64_t since_us;
};

#endif

/* Why a queued recipient is not being sent right now: one reason for each, from what the store and the running gateway
 * have of it. One thread. */
#ifndef SENDOFF_CLI_QUEUE_WAITS_H
#define SENDOFF_CLI_QUEUE_WAITS_H

#include "cli/queue/attempts.h"

struct waits;
/* `attempts` as from attempts_read, NULL: no gateway is running; it outlives this. NULL without memory. */
struct waits *waits_new(struct cli *c, const struct attempts *attempts);
void waits_free(struct waits **w);

struct wait {
  /* "held", by command or with its account; "time", until its next attempt; "pause", of its domain; "room", in memory;
   * "read", from the store; "gateway", which does not run; or what an attempt waits for: "slot" (a connection),
   * "share", "pace", "token", "store", "probe" (of its site, which takes no connection); "attempt": nothing, it is
   * being sent. Static */
  const char *what;
  int64_t until_us; /* 0: not known */
  char text[400];   /* for people; "": `what` says it all */
};
/* `a`: its attempt, or NULL. Asks the gateway for what waits when that is first needed. */
void waits_of(struct waits *w, const struct envelope *m, const struct queued_recipient *r, const struct attempt *a,
              int64_t now_us, struct wait *out);

#endif

/* Which recipients a running gateway is working on. One thread. */
#ifndef SENDOFF_CLI_QUEUE_ATTEMPTS_H
#define SENDOFF_CLI_QUEUE_ATTEMPTS_H

#include "cli/command.h"

/* One that is under way. */
struct attempt {
  int64_t recipient_id, since_us;
  const char *stage, *host; /* as in struct delivery_attempt */
  int64_t until_us, delivered_us;
  const char *lane; /* of what waits for a probe, all of the domain `host`; NULL: it is one recipient's */
  bool waits;       /* and what waits for its turn: */
  uint64_t ahead, ahead_own, ahead_of_other;
  const char *ahead_other; /* "-": the gateway's own mail, or nobody's */
  int64_t expected_us;
};

struct attempts;
/* Asks the gateway. NULL when none is running, or it does not say, which has been warned of. */
struct attempts *attempts_read(struct cli *c);
void attempts_free(struct attempts **a);
/* NULL: it is not worked on. `a` may be NULL. */
const struct attempt *attempts_find(const struct attempts *a, int64_t recipient_id);
/* What all mail of a lane (envelope_lane) for a domain waits for; NULL: nothing that holds for all of it. */
const struct attempt *attempts_find_wait(const struct attempts *a, const char *domain, const char *lane);
const char *attempt_phrase(const struct attempt *a); /* "at RCPT", "waiting for a connection to" */

#endif

/* What became of a job's recipients, on its way into the store: the events, the notice (DSN) of what their sender
 * is to be told, the log lines. An outcome is not forgotten while the daemon lives: when the store fails, it is
 * posted again with a growing delay, and its recipients stay in flight. One loop's thread.
 *
 *   outcome_prepare (before the next hop is spoken to: all memory it needs)  -> fill rulings -> outcome_commit
 *                                                                            \-> outcome_cancel */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_OUTCOME_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_OUTCOME_H

#include "relay/delivery/outcome/verdict.h"
#include "relay/delivery/site/delivery.h"

#define OUTCOME_RETRY_LEAST_MS 1000
#define OUTCOME_RETRY_MOST_MS 60000

struct outcome {
  struct job *job;        /* owned */
  struct ruling *rulings; /* one for each of the job's recipients; owned */
  /* the rest is outcome.c's */
  struct delivery *delivery;
  struct outcome *next, *prev;
};
/* Takes the job when it returns an outcome; NULL without memory. */
struct outcome *outcome_prepare(struct loop *loop, struct job *j);
/* Rules for one recipient, or for all that have no ruling yet. */
void outcome_rule(struct outcome *o, size_t index, const struct incident *incident);
void outcome_rule_rest(struct outcome *o, const struct incident *incident);
bool outcome_ruled(const struct outcome *o); /* every recipient has its ruling */
/* Every recipient has its ruling. `host` "mx.example.net[192.0.2.1]:25", `source` the address it left from, `tls` as
 * stream_tls_text; each may be "". Then the outcome looks after itself, and ends with dispatch_finished. */
void outcome_commit(struct outcome *o, const char *host, const char *source, const char *tls, int64_t not_before_us);
/* Nothing happened after all: the job is the caller's again. */
struct job *outcome_cancel(struct outcome **o);
/* Takes the recipients that have no ruling out, as a job of their own that the caller owns. NULL when there are none,
 * or without memory: then they are still in the outcome. */
struct job *outcome_take_back(struct outcome *o);

/* delivery.c, when it stops and its time is up: gives up posting again those that the store refused. */
void outcomes_abandon(struct delivery *d);

#endif

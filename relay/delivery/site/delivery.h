/* One loop's deliveries: its destinations, their connections, their waiting jobs. A destination is the pair of a source
 * address and a next-hop site; the dispatcher chooses its loop by hash, so no other loop ever talks to it. That loop's
 * thread only. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_DELIVERY_H
#define SENDOFF_RELAY_DELIVERY_SITE_DELIVERY_H

#include "relay/delivery/job.h"
#include "relay/delivery/route/route.h"

struct delivery;
struct outcomes;
int delivery_new(struct loop *loop, struct delivery **out);
void delivery_free(struct delivery **d); /* after delivery_stop reported */
/* Ends idle connections at once, and the others after their current transaction (at most 10 s); then calls `stopped`.
 */
void delivery_stop(struct delivery *d, void (*stopped)(void *arg), void *arg);

/* Takes the job. `route` is held for as long as needed; `source` and `helo` are copied. The outcome goes to the store;
 * then job_finish is called. */
void delivery_take(struct delivery *d, struct job *j, struct route *route, const char *source, const char *helo);

/* Where outcomes of this loop are made, also those of jobs that no destination can take. */
struct outcomes *delivery_outcomes(struct delivery *d);

/* Each second: sees to deadlines of what waits for a connection. */
void delivery_tick(struct delivery *d);

struct delivery_counters {
  uint64_t connections, idle_connections, destinations, waiting_jobs, delivered, deferred, bounced;
};
void delivery_counters(struct delivery *d, struct delivery_counters *out);

#endif

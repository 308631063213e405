/* One loop's deliveries: its destinations, their connections, their waiting jobs. A destination is the pair of a source
 * address and a next-hop site; the dispatcher chooses its loop by hash, so no other loop ever talks to it. That loop's
 * thread only. Start and stop are in relay/delivery/delivery.h. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_DELIVERY_H
#define SENDOFF_RELAY_DELIVERY_SITE_DELIVERY_H

#include "relay/delivery/delivery.h"
#include "relay/delivery/job.h"
#include "relay/delivery/route/route.h"

struct outcomes;
struct shaping;

/* Takes the job. `route` is held for as long as needed; `source` and `helo` are copied. The outcome goes to the store;
 * then job_finish is called. */
void delivery_take(struct delivery *d, struct job *j, struct route *route, const char *source, const char *helo);
/* That address is not this machine's any more: nothing waits for it, or goes on from it (destination.h). */
void delivery_source_gone(struct delivery *d, const char *address);
/* What this loop knows of providers; never NULL. */
const struct shaping *delivery_shaping(const struct delivery *d);
/* What routes log in with now, as this loop knows it; NULL: nothing yet. Lives until the loop's next delivery_refresh.
 */
struct route_secrets *delivery_secrets(const struct delivery *d);
/* Where outcomes of this loop are made, also those of jobs that no destination can take. */
struct outcomes *delivery_outcomes(struct delivery *d);
/* site_attempts.c: delivery_attempts of the destinations. */
void delivery_attempts_at_sites(const struct delivery *d, void (*each)(void *arg, const struct delivery_attempt *a),
                                void *arg);
/* Adds the destinations' and the outcomes' counters. */
void delivery_count_sites(const struct delivery *d, struct delivery_counters *to);

#endif

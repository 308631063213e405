/* The dispatcher: which recipients are being worked on, and which are next. It lives on loops[0] and is the only owner
 * of the set of recipients in flight, so nothing is ever tried twice at once.
 *
 *   accepted mail   --delivery_accept--> dispatcher --route--> destination's loop --outcome--> store
 *   waiting mail    <--store/read.h reads, by domain, when due--/                  \--job_finish--> dispatcher
 *
 * Fresh mail is handed over in memory (relay/delivery/delivery.h); if the dispatcher is full, it drops the hand-over,
 * and the reader finds the rows later. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCH_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCH_H

#include "relay/delivery/job.h"

#define DISPATCH_CONTENT_MAX                                                                                           \
  (64 * 1024 * 1024) /* octets of content kept in memory for delivery; more is read again from the store */

/* loops[0], before the threads start. */
int dispatcher_new(struct gateway *g, struct dispatcher **out, struct reason *why);
/* loops[0]: reads what waits in the store and begins. */
void dispatcher_start(struct dispatcher *d);
/* loops[0]: hands out nothing more; what is in flight goes on. Then, when nothing is in flight, `idle` is called once.
 */
void dispatcher_drain(struct dispatcher *d, void (*idle)(void *arg), void *arg);
/* loops[0], on its thread, while it still runs: the memory goes when the handles have closed. Jobs in flight are then
 * freed when they finish. Call it with &gateway->dispatcher: late messages look there, and find NULL. */
void dispatcher_free(struct dispatcher **d);

struct dispatcher_counters {
  uint64_t in_flight, domains_waiting; /* recipients; domains that are known to have mail waiting or in flight */
  uint64_t picked, accepted_direct;    /* recipients, since the start */
  uint64_t dropped;                    /* recipients handed over in memory that were left to the queue reader instead */
};
void dispatcher_counters(struct dispatcher *d, struct dispatcher_counters *out); /* loops[0] */

#endif

/* The dispatcher: which recipients are being worked on, and which are next. It lives on loops[0] and is the only owner
 * of the set of recipients in flight, so nothing is ever tried twice at once.
 *
 *   accepted mail   --dispatch_accepted-->  dispatcher --route--> destination's loop --outcome--> store
 *   waiting mail    <--store/read.h picks, by domain, when due--/                     \--dispatch_finished-->
 * dispatcher
 *
 * Fresh mail is handed over in memory. Its rows carry next_us = now + DISPATCH_GRACE_US, so that the queue reader does
 * not see them before the dispatcher knows them; if the dispatcher is full, it drops the hand-over, and the reader
 * finds the rows later. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCH_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCH_H

#include "base/clock.h"
#include "relay/delivery/job.h"

#define DISPATCH_GRACE_US (30 * SECOND_US)
#define DISPATCH_JOBS_MAX 20000 /* recipients in memory at once */
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
 * freed by dispatch_finished. Call it with &gateway->dispatcher: late messages look there, and find NULL. */
void dispatcher_free(struct dispatcher **d);

/* Any loop: a committed message's recipients of one domain, not before `not_before_us` (0: now). Takes the job. */
void dispatch_accepted(struct gateway *g, struct job *j, int64_t not_before_us);
/* Any loop: the queue was changed by command (or a DSN was kept): look at this domain again, NULL: at all. */
void dispatch_look(struct gateway *g, const char *domain);

/* Any loop: these recipients are no longer being worked on (delivered, deferred, bounced; the store has committed it).
 * A domain whose mail was deferred because its site cannot be reached is left alone until `not_before_us` (0: no such
 * pause). Frees the job. */
void dispatch_finished(struct gateway *g, struct job *j, int64_t not_before_us);

struct dispatcher_figures {
  uint64_t in_flight, domains_waiting; /* recipients; domains that are known to have mail waiting or in flight */
  uint64_t picked, accepted_direct;    /* recipients, since the start */
  uint64_t dropped;                    /* recipients handed over in memory that were left to the queue reader instead */
};
void dispatcher_figures(struct dispatcher *d, struct dispatcher_figures *out); /* loops[0] */

#endif

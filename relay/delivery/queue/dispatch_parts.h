/* What the files of the dispatcher share. For relay/delivery/queue/ only; loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCH_PARTS_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCH_PARTS_H

#include "relay/delivery/queue/dispatch.h"
#include "relay/delivery/queue/pick.h"
#include "relay/delivery/queue/schedule.h"
#include "relay/delivery/route/route.h"

struct dispatcher {
  struct gateway *gateway;
  struct loop *loop;
  struct router *router;
  struct picker *picker;
  struct schedule schedule;
  struct dispatcher_counters counters;
  uv_timer_t wake, tick;
  struct deferred turn;
  int64_t started_us, generation, armed_us;
  uint64_t listed_ms;
  bool started, listed, draining, list_wanted, poll_wanted;
  void (*idle)(void *arg);
  void *idle_arg;
  unsigned pending; /* what must end before the memory can go: handles, a pick */
  bool freed;
};

/* Soon, and on a fresh stack: reads what is due, or reports that it is idle. */
void dispatch_soon(struct dispatcher *d);
/* hand_out.c. These recipients are worked on from now, unless they are already. Takes the job. */
void dispatch_start(struct dispatcher *d, struct queue_domain *domain, struct job *j);
/* accept.c. A job of fresh mail, of any number of recipients. Takes it. */
void dispatch_fresh(struct dispatcher *d, struct job *j, int64_t not_before_us);

#endif

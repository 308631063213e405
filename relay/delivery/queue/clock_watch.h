/* The system clock was wrong and is set right, or the other way: what that may do to mail that waits. docs/next-hops.md
 * has the rule. loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_CLOCK_WATCH_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_CLOCK_WATCH_H

#include "store/write.h"

struct dispatcher;

struct clock_watch {
  struct store_clock op;
  bool busy;              /* the store is at it: the queue is not read meanwhile */
  bool checked;           /* once since the start */
  uint64_t not_before_ms; /* after a failure; clock_monotonic_ms */
  int64_t seen;           /* of clock_jumps_us */
  int64_t left;           /* jumps that are not yet in the store */
};

/* Often, before the queue is read. True: the times in the store are being corrected, read later. */
bool clock_watch(struct dispatcher *d);

#endif

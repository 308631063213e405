/* The running gateway's counters: one table, a row each, for `sendoff status` and whoever else shows them. */
#ifndef SENDOFF_RELAY_DAEMON_COUNTERS_H
#define SENDOFF_RELAY_DAEMON_COUNTERS_H

#include "relay/delivery/queue/dispatch.h"
#include "relay/delivery/site/delivery.h"
#include "store/store.h"

/* Of one loop, or the sum of several. */
struct counters {
  uint64_t sessions;
  struct delivery_counters delivery;
  struct dispatcher_counters queue; /* loops[0] alone has one */
  struct store_counters store;      /* of the whole gateway */
};

enum counter_kind {
  COUNTER_SINCE_START, /* only grows */
  COUNTER_NOW          /* a gauge */
};
struct counter {
  const char *name; /* the key of the status, stable */
  const char *help;
  enum counter_kind kind;
  size_t offset; /* of its uint64_t in struct counters */
};
extern const struct counter counter_table[]; /* ends with a row without name */

/* The loop's thread: what this loop counts. The store's are left alone. */
void counters_of_loop(struct loop *on, struct counters *out);
/* Any thread, as the next. Adds every row of `one`. */
void counters_add(struct counters *sum, const struct counters *one);
uint64_t counter_value(const struct counter *row, const struct counters *c);

#endif

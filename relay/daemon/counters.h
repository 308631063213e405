/* The running gateway's counters: one table, from which each way of reporting them is made. A new counter is a field
 * of the snapshot (or of a part of it) and one row. */
#ifndef SENDOFF_RELAY_DAEMON_COUNTERS_H
#define SENDOFF_RELAY_DAEMON_COUNTERS_H

#include "relay/delivery/delivery.h"
#include "relay/net/loop.h"
#include "relay/submission/submission.h"
#include "store/store.h"

struct counters_snapshot {
  uint64_t uptime_seconds;
  uint64_t keys_waiting, keys_old, keys_retired;
  struct submission_counters submission; /* of all loops */
  struct delivery_counters delivery;     /* of all loops */
  struct store_counters store;
  struct store_condition condition; /* the store's */
};

struct counter {
  const char *name; /* as in the JSON of sendoff status: a released name stays */
  const char *help; /* for people */
  bool since_start; /* only grows while the gateway runs; false: the value of the moment */
  size_t offset;    /* of a uint64_t in the snapshot */
};

/* In the order in which they are shown. Any thread. */
extern const struct counter counters[];
extern const size_t counter_count;
uint64_t counter_value(const struct counter *c, const struct counters_snapshot *s);

/* The supervisor's thread: takes a snapshot of every loop, and of the directory, then calls `done` with it, once, on
 * the same thread. The snapshot lives as long as that call. E_MEMORY: `done` is not called. */
int counters_gather(struct loop *supervisor, const struct directory *directory, int64_t started_us,
                    void (*done)(void *arg, const struct counters_snapshot *s), void *arg);

#endif

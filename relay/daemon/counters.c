#include "relay/daemon/counters.h"

#include "relay/submission/submission.h"

#include <stddef.h>
#include <string.h>

#define AT(member) offsetof(struct counters, member)

const struct counter counter_table[] = {
    {"sessions", "open submission sessions", COUNTER_NOW, AT(sessions)},
    {"connections", "open connections to next hops", COUNTER_NOW, AT(delivery.connections)},
    {"idle_connections", "of these, those that wait for the next message", COUNTER_NOW, AT(delivery.idle_connections)},
    {"destinations", "pairs of a source address and a next-hop site in use", COUNTER_NOW, AT(delivery.destinations)},
    {"waiting_jobs", "jobs that wait for a connection", COUNTER_NOW, AT(delivery.waiting_jobs)},
    {"in_flight", "recipients that are worked on", COUNTER_NOW, AT(queue.in_flight)},
    {"domains_waiting", "domains with mail that waits or is in flight", COUNTER_NOW, AT(queue.domains_waiting)},
    {"delivered", "recipients delivered", COUNTER_SINCE_START, AT(delivery.delivered)},
    {"deferred", "attempts that were deferred", COUNTER_SINCE_START, AT(delivery.deferred)},
    {"bounced", "recipients bounced or expired", COUNTER_SINCE_START, AT(delivery.bounced)},
    {"queue_direct", "recipients handed over in memory", COUNTER_SINCE_START, AT(queue.accepted_direct)},
    {"queue_read", "recipients read from the queue", COUNTER_SINCE_START, AT(queue.picked)},
    {"queue_left", "recipients that found no room in memory, and were left in the queue", COUNTER_SINCE_START,
     AT(queue.dropped)},
    {"store_operations", "operations of the store", COUNTER_SINCE_START, AT(store.operations)},
    {"store_commits", "synced commits", COUNTER_SINCE_START, AT(store.commits)},
    {"store_failed_commits", "commits that failed", COUNTER_SINCE_START, AT(store.failed_commits)},
    {"store_waiting", "operations that wait for the writer", COUNTER_NOW, AT(store.waiting)},
    {0}};

void counters_of_loop(struct loop *on, struct counters *out) {
  out->sessions = submission_session_count(on->submission);
  delivery_counters(on->delivery, &out->delivery);
  if (on->index == 0) dispatcher_counters(on->gateway->dispatcher, &out->queue);
}

uint64_t counter_value(const struct counter *row, const struct counters *c) {
  uint64_t value;
  memcpy(&value, (const char *)c + row->offset, sizeof value);
  return value;
}

void counters_add(struct counters *sum, const struct counters *one) {
  for (const struct counter *row = counter_table; row->name; row++) {
    uint64_t value = counter_value(row, sum) + counter_value(row, one);
    memcpy((char *)sum + row->offset, &value, sizeof value);
  }
}

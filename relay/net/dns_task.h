/* One check at a time that asks DNS and waits for the answers: on libuv's pool, for an owner on a loop. It outlives its
 * owner's end, if it must. */
#ifndef SENDOFF_RELAY_NET_DNS_TASK_H
#define SENDOFF_RELAY_NET_DNS_TASK_H

#include "base/address/dns_answer.h"
#include "relay/net/loop.h"

#include <stdatomic.h>

/* A part of its owner, whose memory `forget` frees. */
struct dns_task {
  struct loop *loop;
  struct dns_source dns;
  void (*run)(void *owner,
              const struct dns_source *dns); /* on the pool: touches what the loop leaves alone meanwhile */
  void (*done)(void *owner);                 /* on the loop; not when it was stopped */
  void (*forget)(void *owner);
  void *owner;
  uv_work_t work;
  atomic_uint_least64_t until_ms; /* not 0: it is stopped */
  bool busy, freed;
};

/* False: one is under way, or it was stopped, or there is no memory. */
bool dns_task_start(struct dns_task *t);
bool dns_task_ready(const struct dns_task *t);
/* Nothing is asked any more, and `done` is not called. */
void dns_task_stop(struct dns_task *t);
/* While the loop still runs: `forget` is called now, or when what is under way has ended. */
void dns_task_free(struct dns_task *t);

#endif

/* What the files of sts_policies.h share: a domain, and the table of them. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_STS_DOMAIN_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_STS_DOMAIN_H

#include "base/hash.h"
#include "relay/delivery/route/sts_policies.h"
#include "relay/delivery/route/sts_state.h"

#include <stdatomic.h>

struct sts_waiter {
  void (*done)(void *arg, const struct sts_finding *found);
  void *arg;
  struct sts_waiter *next;
};

struct sts_domain {
  struct sts_policies *owner;
  char *name;
  struct sts_state state;
  int64_t used_us;
  bool asking;   /* a question to DNS is open */
  bool fetching; /* its policy is being fetched, or is to be */
  bool unkept;   /* the store does not have its policy */
  bool bad;      /* its record cannot be used; it was logged */
  bool known;    /* in which list it is */
  struct sts_waiter *waiters;
  uint64_t waiting_ms; /* since when the first of them waits */
  struct sts_domain *prev, *next;
  struct sts_domain *next_fetch;
  UT_hash_handle hh;
};

struct sts_policies {
  struct loop *loop;
  struct resolver *resolver;
  struct dns_source dns;
  struct sts_domain *table;
  struct sts_domain *known, *others; /* with a policy, and without; the one that was asked for the longest ago first */
  size_t known_count, other_count, octets;
  struct sts_domain *queue; /* to be fetched */
  size_t questions, tasks, posted, waiting;
  uint64_t failed; /* fetches, since the start */
  int64_t scanned_us;
  atomic_uint_least64_t until_ms; /* not 0: it is stopped */
  bool walking;                   /* over the table, so that nothing may leave it */
  bool freed;
  void (*idle)(void *arg);
  void *arg;
};

/* sts_task.c. Starts a fetch, whose end is sts_fetched on the loop. False without memory. */
bool sts_task_start(struct sts_domain *d);
/* sts_store.c. The domain's policy, or that there is none any more, into the store. */
void sts_store_post(struct sts_domain *d);

/* sts_table.c. With the domains that have a policy, or with the others; and out of its list. */
void sts_list_add(struct sts_domain *d, bool known);
void sts_list_remove(struct sts_domain *d);
size_t sts_octets(const struct sts_domain *d); /* of its policy */
void sts_drop(struct sts_domain *d);           /* frees it */
/* Somebody waits for it, or something is under way. */
bool sts_is_busy(const struct sts_domain *d);
/* Those that were asked for the longest ago give way, but not while somebody waits for them. */
void sts_make_room(struct sts_policies *s);
/* The one that there is, or a new one; NULL without memory. */
struct sts_domain *sts_domain_of(struct sts_policies *s, const char *name);

/* sts_waiters.c. Has mail to wait for it now? */
bool sts_must_wait(const struct sts_domain *d, int64_t now_us);
struct sts_finding sts_finding_of(const struct sts_domain *d, int64_t now_us);
void sts_answer(struct sts_domain *d); /* all that wait */
bool sts_add_waiter(struct sts_domain *d, void (*done)(void *arg, const struct sts_finding *found), void *arg);

/* sts_policies.c */
/* `policy` is the callee's; NULL: `failure`, or STS_FAILURE_NONE when it was cut off here. */
void sts_fetched(struct sts_domain *d, const char *id, struct sts_policy *policy, enum sts_failure failure,
                 const struct reason *why);
void sts_check_idle(struct sts_policies *s);

#endif

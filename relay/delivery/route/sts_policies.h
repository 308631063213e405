/* The MTA-STS policies of the domains that mail goes to (RFC 8461): found by DNS, fetched on libuv's pool, kept in the
 * store, fetched anew ahead of their end. When what is done: sts_state.h. Lives on loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_STS_POLICIES_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_STS_POLICIES_H

#include "base/address/dns_answer.h"
#include "base/site/sts_note.h"
#include "relay/delivery/delivery.h"
#include "relay/net/loop.h"
#include "relay/net/resolver.h"
#include "relay/net/sts_fetch.h"

#define STS_POLICIES_MAX DELIVERY_POLICIES_MAX /* that are known, */
#define STS_OCTETS_MAX ((size_t)64 << 20)      /* and what they take; */
#define STS_OTHERS_MAX 10000 /* domains without one. Those that were not asked for the longest give way */
#define STS_WAIT_MS 30000    /* mail waits so long for what is known of its domain */
#define STS_UNUSED_US                                                                                                  \
  (INT64_C(30) * 86400 * 1000000) /* a policy that no mail needed for so long is not fetched anew                      \
                                   */

/* What counts for a domain's mail now. */
struct sts_finding {
  struct sts_policy *policy; /* NULL: none. Lives for the call: hold it */
  enum sts_failure failure;  /* why a fetch failed, if the last one did */
  uint32_t ttl;              /* seconds that it may be kept */
};

struct sts_policies;
/* `dns` is copied; `idle` is called when nothing is under way any more, on a stack of the loop's. NULL without memory.
 */
struct sts_policies *sts_policies_new(struct loop *loop, struct resolver *resolver, const struct dns_source *dns,
                                      void (*idle)(void *arg), void *arg);
/* Before the loop runs: a policy that the store has. */
void sts_policies_recall(struct sts_policies *s, const struct sts_note *n);
/* The policy that is known now, to hold; NULL: none is. Nothing is asked or fetched for it. */
struct sts_policy *sts_policies_known(struct sts_policies *s, const char *domain);
/* `done` is called once: at once where a policy is known or that there is none, else when DNS and the domain's web
 * server have answered, and after STS_WAIT_MS in any case. */
void sts_policies_find(struct sts_policies *s, const char *domain,
                       void (*done)(void *arg, const struct sts_finding *found), void *arg);
/* Each second; `now_ms` is clock_monotonic_ms. */
void sts_policies_tick(struct sts_policies *s, int64_t now_us, uint64_t now_ms);
/* Adds the policies that count now, and the fetches that failed since the start. */
void sts_policies_count(const struct sts_policies *s, uint64_t *known, uint64_t *failed);
/* Who waits is answered with what is known; what is under way ends soon. */
void sts_policies_stop(struct sts_policies *s);
bool sts_policies_idle(const struct sts_policies *s);
/* While the loop still runs: the memory goes when what is under way has ended. */
void sts_policies_free(struct sts_policies **s);

#endif

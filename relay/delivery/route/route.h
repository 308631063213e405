/* Where a domain's mail goes: MX, then A and AAAA (RFC 5321 5.1), null MX (RFC 7505), address literals. Lives on
 * loops[0] with a cache that keeps each route for its records' TTL; the routes themselves are immutable, counted, and
 * may be held by any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_ROUTE_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_ROUTE_H

#include "relay/net/loop.h"
#include "relay/net/resolver.h"

enum route_status {
  ROUTE_OK,
  ROUTE_NULL_MX,    /* the domain says that it takes no mail: bounce, 556 5.1.10 (RFC 7505 3, 4.2) */
  ROUTE_NO_DOMAIN,  /* NXDOMAIN: bounce, 5.1.2 */
  ROUTE_NO_ADDRESS, /* the domain is there, but no MX, A or AAAA leads anywhere: bounce, 5.1.2 (5.4.4 where that fits
                       better) */
  ROUTE_LOOP, /* the best exchanger is one of our own listeners' addresses and nothing better remains: bounce 5.4.6 */
  ROUTE_TEMPORARY, /* SERVFAIL or time-out: try later, 4.4.3 */
};

struct route_host {
  char name[256]; /* the exchanger's name; for TLS SNI and the log */
  unsigned preference;
  struct sockaddr_storage *addresses; /* with the port */
  size_t address_count;
};

struct route {
  enum route_status status;
  char why[256]; /* when not OK, for the log and the DSN */
  char *site;    /* identifies the next-hop site: the sorted names and preferences of its exchangers; domains with the
                    same set share it. The domain's name where there is no MX */
  struct route_host *hosts; /* best first; hosts of equal preference are shuffled at each delivery, not here */
  size_t host_count;
  bool authentic; /* the hosts' names are the domain's own word: DNSSEC says so, or it is its own exchanger */
  int64_t expires_us;
  int references; /* atomic */
};
struct route *route_hold(struct route *r);
void route_release(struct route **r);

struct router;
int router_new(struct gateway *g, struct resolver *resolver, struct router **out);
/* Waiting callers are told ROUTE_TEMPORARY; searches under way end by themselves (before the resolver is freed). */
void router_free(struct router **r);
/* OK: `done` runs exactly once, maybe before this returns (cache). The route is the callee's for the call; hold it to
 * keep it. E_MEMORY: `done` is not called. */
int router_find(struct router *r, const char *domain, void (*done)(void *arg, struct route *route), void *arg);

#endif

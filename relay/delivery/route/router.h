/* Finds routes: MX, then A and AAAA (RFC 5321 5.1), null MX (RFC 7505), address literals; and where a static route (an
 * operator's command) leads. Lives on loops[0], with a
 * cache that keeps each route for its records' TTL. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_ROUTER_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_ROUTER_H

#include "relay/delivery/route/route.h"
#include "relay/net/loop.h"
#include "relay/net/resolver.h"

struct router;
struct sts_policies;
/* `sts`: NULL, or where the policies of domains are (RFC 8461); outlives it. */
int router_new(struct gateway *g, struct resolver *resolver, struct sts_policies *sts, struct router **out);
/* Waiting callers get ROUTE_TEMPORARY; searches under way end by themselves (before the resolver is freed). */
void router_free(struct router **r);
/* OK: `done` runs exactly once, maybe before this returns (cache). The route is the callee's for the call; hold it to
 * keep it. E_MEMORY: `done` is not called. */
/* `by`: the static route that the domain's mail takes; NULL: none. Copied. */
int router_find(struct router *r, const char *domain, const struct static_route *by,
                void (*done)(void *arg, struct route *route), void *arg);
/* The same, only to say where mail would go: DNS alone is asked, and no web server. An MTA-STS policy counts when it is
 * known already. */
int router_look(struct router *r, const char *domain, const struct static_route *by,
                void (*done)(void *arg, struct route *route), void *arg);

#endif

/* The DNS questions that find a route, and what their answers make of it: MX, then each exchanger's A and AAAA, all at
 * once, with the domain's MTA-STS policy, then the TLSA records of the hosts (dane_search.h). Inside of
 * relay/delivery/route/router.c; loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_ROUTE_SEARCH_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_ROUTE_SEARCH_H

#include "relay/delivery/route/route.h"
#include "relay/delivery/route/sts_policies.h"
#include "relay/net/resolver.h"

#define ROUTE_ADDRESSES_MAX 8 /* of one host */
#define ROUTE_TTL_LEAST 5
#define ROUTE_TTL_MOST 86400
#define ROUTE_TTL_TEMPORARY 30

/* Would a connection to this address and port be one to ourselves? */
typedef bool own_address(void *arg, const struct sockaddr *address);

struct route_search {
  struct resolver *resolver;
  unsigned port;
  bool local;               /* loopback addresses may be connected to */
  enum route_lookup lookup; /* ROUTE_BY_ADDRESS: the domain is a host, whose addresses alone are asked for */
  struct route_terms terms; /* of the route */
  bool dane;                /* the hosts' TLSA records are asked for, as far as they can count (RFC 7672 2.2) */
  struct sts_policies *sts; /* the domain's MTA-STS policy is asked for there; NULL: it is not */
  bool sts_known_only;      /* and only as far as it is known there: nothing is fetched */
  own_address *is_own;
  void *is_own_arg;
  /* Called once, maybe before route_search_start returns, with the one reference to the new route (NULL: no memory). */
  void (*done)(void *arg, struct route *route);
  void *arg;
};
/* Copies `plan`. OK, or E_MEMORY: then `done` is not called. There is no way to stop it; every question ends within
 * RESOLVER_TIMEOUT_MS, and resolver_detach ends them all. */
int route_search_start(const struct route_search *plan, const char *domain);

#endif

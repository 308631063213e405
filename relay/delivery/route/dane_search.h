/* The DNS questions that find a host's TLSA records, and what their answers make of it (RFC 7672 2.2.2, 2.2.3). Inside
 * of relay/delivery/route/route_policy.c; loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_DANE_SEARCH_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_DANE_SEARCH_H

#include "relay/net/dane.h"
#include "relay/net/resolver.h"

enum dane_status {
  DANE_NONE,   /* DNSSEC denies them, or does not say anything of the host */
  DANE_FOUND,  /* `rules`: they count, even if none of them is usable */
  DANE_FAILED, /* not known: so the host is not to be used now (RFC 7672 2.1.2) */
};
struct dane_finding {
  enum dane_status status;
  struct dane_rules *rules; /* DANE_FOUND */
  bool bogus;               /* DANE_FAILED: there was an answer */
  uint32_t ttl;             /* of the answers; UINT32_MAX: there were none */
};

struct dane_search {
  struct resolver *resolver;
  const char *host, *next_hop, *expanded; /* expanded: where the CNAME of the next hop led; "": it has none */
  unsigned port;
  bool secure;           /* the addresses, and the CNAMEs that led to them */
  const char *canonical; /* where those led to; "": there are none */
  /* Called once, maybe before dane_search_start returns; the rules are the callee's. */
  void (*done)(void *arg, const struct dane_finding *found);
  void *arg;
};
/* Copies `plan`. Without memory it ends as DANE_FAILED. As with route_search_start there is no way to stop it. */
void dane_search_start(const struct dane_search *plan);

#endif

/* A host's TLSA records, asked for on loops[0]: relay/net/tlsa_search.h has the questions. Inside of
 * relay/delivery/route/route_policy.c. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_DANE_SEARCH_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_DANE_SEARCH_H

#include "relay/net/resolver.h"
#include "relay/net/tlsa_search.h"

struct dane_search {
  struct resolver *resolver;
  struct tlsa_subject of;
  /* Called once, maybe before dane_search_start returns; the rules are the callee's. */
  void (*done)(void *arg, const struct dane_finding *found);
  void *arg;
};
/* Copies `plan`. Without memory it ends as DANE_FAILED. As with route_search_start there is no way to stop it. */
void dane_search_start(const struct dane_search *plan);

#endif

/* What is asked of a host's TLS, and by whom. Plain data; any thread. */
#ifndef SENDOFF_RELAY_NET_TLS_DEMAND_H
#define SENDOFF_RELAY_NET_TLS_DEMAND_H

#include "base/tls_facts.h"
#include "relay/net/dane.h"

/* Whose rules hold for a host: DANE's, where it has such records and the route leaves it to them; else the route's. A
 * message's own (RFC 8689) come on top. */
enum tls_rule {
  TLS_RULE_NONE,  /* opportunistic (RFC 7435) */
  TLS_RULE_ROUTE, /* a static route's (base/static_route.h) */
  TLS_RULE_DANE,  /* the host's TLSA records (RFC 7672) */
};

/* Zeroed: opportunistic. */
struct tls_demand {
  enum tls_rule by;
  bool required;           /* nothing is said to the host without TLS */
  enum tls_proof proof;    /* by what it must be known */
  struct dane_rules *dane; /* by DANE; of TLS_UNVERIFIED those have no record that is usable */
};

#endif

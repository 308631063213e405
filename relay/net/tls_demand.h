/* What is asked of a host's TLS, and by whom. Plain data, pure functions; any thread. */
#ifndef SENDOFF_RELAY_NET_TLS_DEMAND_H
#define SENDOFF_RELAY_NET_TLS_DEMAND_H

#include "base/directory/static_route.h"
#include "base/mail/tls_facts.h"
#include "relay/net/dane.h"
#include "relay/net/sts_policy.h"

/* Whose rules hold for a host: where the route leaves it to them DANE's, if it has such records, else those of the
 * domain's MTA-STS policy, if that is enforced; else the route's. A message's own (RFC 8689) come on top. */
enum tls_rule {
  TLS_RULE_NONE,  /* opportunistic (RFC 7435) */
  TLS_RULE_ROUTE, /* a static route's (base/directory/static_route.h) */
  TLS_RULE_DANE,  /* the host's TLSA records (RFC 7672) */
  TLS_RULE_STS,   /* the domain's policy (RFC 8461) */
};

/* Zeroed: opportunistic. */
struct tls_demand {
  enum tls_rule by;
  bool required;           /* nothing is said to the host without TLS */
  enum tls_proof proof;    /* by what it must be known */
  struct dane_rules *dane; /* by DANE; of TLS_UNVERIFIED those have no record that is usable */
  bool sts_testing;        /* the domain's MTA-STS policy is in testing: what it would refuse is reported */
  bool sts_unnamed;        /* its policy, in testing or not, does not name the host: with TLS_RULE_STS it is not used */
};

/* What a route by command asks of its hosts. `always`: it has a login, or TLS from the start. */
struct tls_demand tls_demand_of_route(enum route_tls tls, bool always);
/* What the domain's policy asks of that host on top of it, where the route leaves it to that. NULL: there is none. */
void tls_demand_add_policy(struct tls_demand *t, const struct sts_policy *p, const char *host);
/* What its TLSA records ask for, instead of all else. Takes the rules. */
struct tls_demand tls_demand_of_dane(struct dane_rules *rules);

#endif

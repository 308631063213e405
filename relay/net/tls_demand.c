#include "relay/net/tls_demand.h"

/* A route's own rules come first: it says itself that nobody, or who, vouches for its hosts. */
struct tls_demand tls_demand_of_route(enum route_tls tls, bool always) {
  return (struct tls_demand){
      .by = tls != ROUTE_TLS_MAY || always ? TLS_RULE_ROUTE : TLS_RULE_NONE,
      .required = tls == ROUTE_TLS_VERIFY || (tls != ROUTE_TLS_NONE && always),
      .proof = tls == ROUTE_TLS_VERIFY ? TLS_BY_CA : TLS_UNVERIFIED,
  };
}

/* RFC 8461 4.1, 5: what the domain's policy asks for, where no TLSA records do (2). */
void tls_demand_add_policy(struct tls_demand *t, const struct sts_policy *p, const char *host) {
  if (!p || p->mode == STS_MODE_NONE) return;
  if (p->mode == STS_MODE_ENFORCE) *t = (struct tls_demand){.by = TLS_RULE_STS, .required = true, .proof = TLS_BY_CA};
  t->sts_testing = p->mode == STS_MODE_TESTING;
  t->sts_unnamed = !sts_policy_names(p, host);
}

/* RFC 7672 2.2: records that are there promise TLS; whom it must be with only those that are usable say. */
struct tls_demand tls_demand_of_dane(struct dane_rules *rules) {
  return (struct tls_demand){.by = TLS_RULE_DANE,
                             .required = true,
                             .proof = rules->records->count ? TLS_BY_DANE : TLS_UNVERIFIED,
                             .dane = rules};
}

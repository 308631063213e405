#include "relay/delivery/route/search_parts.h"

#include "base/log.h"
#include "relay/delivery/route/dane_search.h"

#include <stdio.h>
#include <string.h>

/* --- MTA-STS --- */

static void on_policy(void *arg, const struct sts_finding *found) {
  struct search *s = arg;
  s->sts.policy = sts_policy_hold(found->policy);
  s->sts.failure = found->failure;
  if (found->ttl < s->ttl) s->ttl = found->ttl;
  search_one_less(s);
}

/* RFC 8461 3.4: for a next hop that an operator names, its own name is the domain whose policy counts. What a route
 * says itself of TLS needs none. */
void search_ask_policy(struct search *s) {
  snprintf(s->sts.domain, sizeof s->sts.domain, "%s", s->domain);
  if (!s->plan.sts || s->plan.terms.tls != ROUTE_TLS_MAY) return;
  if (s->plan.sts_known_only) {
    s->sts.policy = sts_policy_hold(sts_policies_known(s->plan.sts, s->domain));
    return;
  }
  s->open++;
  sts_policies_find(s->plan.sts, s->domain, on_policy, s);
}

/* --- TLSA --- */

struct tls_demand route_terms_demand(const struct route_terms *t) {
  return tls_demand_of_route(t->tls, t->implicit_tls || t->login);
}

/* RFC 7672 2.1.2: such a host is not used, and the next one is, or the mail waits. */
static void tlsa_failed(struct candidate *c, const struct dane_finding *found) {
  c->tls_failed = true;
  c->bogus = found->bogus;
  if (c->search->ttl > ROUTE_TTL_TEMPORARY) c->search->ttl = ROUTE_TTL_TEMPORARY;
  log_event(LOG_WARN_, NULL, "tlsa lookup failed", "host", c->mx.name, "domain", c->search->domain, "reason",
            dns_failure(found->bogus), "next", "the host is not used until it is known how", NULL);
}

static void on_dane(void *arg, const struct dane_finding *found) {
  struct candidate *c = arg;
  if (found->ttl < c->search->ttl) c->search->ttl = found->ttl;
  if (found->status == DANE_FAILED) tlsa_failed(c, found);
  if (found->status == DANE_FOUND) c->tls = tls_demand_of_dane(found->rules);
  search_one_less(c->search);
}

static void ask_dane(struct candidate *c) {
  struct search *s = c->search;
  struct dane_search plan = {.resolver = s->plan.resolver,
                             .of = {.host = c->mx.name,
                                    .next_hop = s->domain,
                                    .expanded = s->expanded,
                                    .port = s->plan.port,
                                    .secure = !c->insecure,
                                    .canonical = c->canonical},
                             .done = on_dane,
                             .arg = c};
  s->open++;
  dane_search_start(&plan);
}

/* RFC 7672 2.2.1: only where the names of the hosts are known for sure. (It lets a client go on where the MX records
 * are not signed: who can forge those needs no host of the domain's.) */
void search_ask_tlsa(struct search *s) {
  bool dane = s->plan.dane && s->authentic && s->plan.terms.tls == ROUTE_TLS_MAY;
  s->tls_asked = true;
  s->open = 1;
  search_drop_loops(s);
  for (size_t i = 0; i < s->count; i++) {
    struct candidate *c = &s->candidates[i];
    c->tls = route_terms_demand(&s->plan.terms);
    tls_demand_add_policy(&c->tls, s->sts.policy, c->mx.name);
    if (dane && candidate_is_usable(c)) ask_dane(c);
  }
  search_one_less(s);
}

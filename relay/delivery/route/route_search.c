#include "relay/delivery/route/route_search.h"

#include "relay/delivery/route/search_parts.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void search_one_less(struct search *s) {
  if (--s->open) return;
  if (s->tls_asked)
    search_conclude(s);
  else
    search_ask_tlsa(s);
}

/* --- MX --- */

/* RFC 5321 5.1: only when there are no MX records is the domain its own exchanger; when its MX records cannot be looked
 * up, or lead nowhere, it is not. */
static void implicit_mx(struct search *s) {
  struct mx self = {.preference = 0};
  s->authentic = true; /* the name is the one that the sender, or an operator, wrote */
  snprintf(self.name, sizeof self.name, "%s", s->domain);
  if (search_add_candidates(s, &self, 1))
    search_ask_addresses(s);
  else
    search_report(s, NULL);
}

static void explicit_mx(struct search *s, const struct dns_answer *answer) {
  struct mx_list list;
  mx_list_read(answer, &list);
  s->has_mx = true;
  s->authentic = answer->secure;
  snprintf(s->expanded, sizeof s->expanded, "%s", answer->canonical);
  if (list.null_mx)
    search_report_nonef(s, ROUTE_NULL_MX, "%s accepts no mail (null MX)", s->domain);
  else if (!list.count)
    search_report_nonef(s, ROUTE_NO_ADDRESS, "the MX records of %s name no host", s->domain);
  else if (search_add_candidates(s, list.hosts, list.count))
    search_ask_addresses(s);
  else
    search_report(s, NULL);
}

static void on_mx(void *arg, const struct dns_answer *answer) {
  struct search *s = arg;
  if (answer->status != DNS_FAILED) s->ttl = answer->ttl;
  switch (answer->status) {
  case DNS_FOUND: explicit_mx(s, answer); return;
  case DNS_NODATA: implicit_mx(s); return;
  case DNS_NXDOMAIN: search_report_nonef(s, ROUTE_NO_DOMAIN, "the domain %s does not exist", s->domain); return;
  case DNS_FAILED: break;
  }
  if (answer->bogus)
    search_report_nonef(s, ROUTE_TEMPORARY, "DNSSEC does not confirm the MX records of %s", s->domain);
  else
    search_report_nonef(s, ROUTE_TEMPORARY, "the MX records of %s cannot be looked up now", s->domain);
}

/* --- address literals (RFC 5321 4.1.3) --- */

static void literal(struct search *s) {
  char text[256];
  size_t len = strlen(s->domain);
  struct bytes inner = {s->domain + 1, len > 2 ? len - 2 : 0};
  if (bytes_starts_nocase(inner, BYTES("IPv6:"))) inner = bytes_from(inner, 5);
  struct sockaddr_storage address;
  struct mx self = {.preference = 0};
  snprintf(self.name, sizeof self.name, "%s", s->domain);
  s->ttl = 3600;
  if (!bytes_copy(inner, text, sizeof text) || ip_parse(text, s->plan.port, &address) != OK) {
    search_report_nonef(s, ROUTE_NO_ADDRESS, "%s is no address", s->domain);
    return;
  }
  if (!search_add_candidates(s, &self, 1)) {
    search_report(s, NULL);
    return;
  }
  candidate_add_address(s->candidates, &address);
  s->candidates->tls = route_terms_demand(&s->plan.terms);
  search_conclude(s);
}

int route_search_start(const struct route_search *plan, const char *domain) {
  struct search *s = calloc(1, sizeof *s);
  if (!s) return E_MEMORY;
  s->plan = *plan;
  s->ttl = ROUTE_TTL_MOST;
  snprintf(s->domain, sizeof s->domain, "%s", domain);
  if (domain[0] == '[')
    literal(s);
  else if (plan->lookup == ROUTE_BY_ADDRESS)
    implicit_mx(s);
  else if (resolver_ask(plan->resolver, s->domain, ns_t_mx, on_mx, s) != OK)
    search_report_none(s, ROUTE_TEMPORARY, "too many DNS questions are open");
  return OK;
}

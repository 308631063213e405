#include "relay/delivery/route/route_search.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/route/address_kind.h"
#include "relay/delivery/route/dane_search.h"
#include "relay/net/mx.h"

#include <arpa/nameser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTE_RECORDS_MAX 100 /* of one answer that are looked at */

struct search;

struct candidate {
  struct search *search;
  struct mx mx;
  struct sockaddr_storage v4[ROUTE_ADDRESSES_MAX], v6[ROUTE_ADDRESSES_MAX];
  size_t v4_count, v6_count;
  bool v4_failed, v6_failed; /* the question had no answer */
  bool bogus;                /* an answer there was, and DNSSEC does not confirm it */
  bool no_name;              /* NXDOMAIN */
  bool own;                  /* one of its addresses is ours */
  bool dropped;              /* by loop detection */
  bool insecure;             /* DNSSEC does not vouch for its addresses */
  char canonical[256];       /* where CNAME records led to them; "": none did */
  struct tls_demand tls;
  bool tls_failed; /* what its TLS must be like is not known */
};

struct search {
  struct route_search plan;
  char domain[256], expanded[256]; /* expanded: where its CNAME led; "": nowhere */
  bool has_mx, authentic, tls_asked;
  struct candidate *candidates;
  size_t count;
  struct route_policy sts;
  size_t open; /* questions, plus one while they are being asked */
  uint32_t ttl;
  char own[200], barred[200]; /* "mx.example.net has 192.0.2.1": the first address that is ours, or that no mail can go
                                 to; "": none */
};

/* The first whose TLSA records cannot be had. */
static void note_tls_unknown(const struct search *s, struct route *route) {
  for (size_t i = 0; route && i < s->count && !route->tls_unknown[0]; i++) {
    if (!s->candidates[i].tls_failed) continue;
    snprintf(route->tls_unknown, sizeof route->tls_unknown, "%s", s->candidates[i].mx.name);
    route->tls_bogus = s->candidates[i].bogus;
  }
}

static void report(struct search *s, struct route *route) {
  note_tls_unknown(s, route);
  s->plan.done(s->plan.arg, route);
  for (size_t i = 0; i < s->count; i++) dane_rules_free(&s->candidates[i].tls.dane);
  free(s->candidates);
  sts_policy_release(&s->sts.policy);
  free(s);
}

static uint32_t ttl_within(uint32_t ttl) {
  if (ttl < ROUTE_TTL_LEAST) return ROUTE_TTL_LEAST;
  return ttl > ROUTE_TTL_MOST ? ROUTE_TTL_MOST : ttl;
}

/* The domain is an operator's word, not the recipient's: that it leads nowhere can be repaired. */
static bool is_named_by_command(const struct search *s) {
  return s->plan.terms.by && s->plan.lookup != ROUTE_DIRECT;
}

static void report_none(struct search *s, enum route_status status, const char *what) {
  char named[256];
  if (is_named_by_command(s)) {
    if (status != ROUTE_TEMPORARY) status = ROUTE_BROKEN;
    snprintf(named, sizeof named, "the next hop of a route (sendoff route list): %.205s", what);
    what = named;
    s->ttl = ROUTE_TTL_TEMPORARY;
  }
  uint32_t ttl = status == ROUTE_TEMPORARY ? ROUTE_TTL_TEMPORARY : ttl_within(s->ttl);
  struct route *r = route_new(status, s->domain, ttl);
  if (r) r->terms = s->plan.terms;
  if (r) snprintf(r->why, sizeof r->why, "%s", what);
  report(s, r);
}

__attribute__((format(printf, 3, 4))) static void report_nonef(struct search *s, enum route_status status,
                                                               const char *format, ...) {
  char what[256];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  report_none(s, status, what);
}

/* --- loops --- */

/* RFC 5321 5.1: if we are one of the exchangers, that one and all of equal or lower priority are set aside. */
static bool drop_loops(struct search *s) {
  bool found = false;
  unsigned least = 0;
  for (size_t i = 0; i < s->count; i++) {
    if (!s->candidates[i].own) continue;
    if (!found || s->candidates[i].mx.preference < least) least = s->candidates[i].mx.preference;
    found = true;
  }
  for (size_t i = 0; found && i < s->count; i++) s->candidates[i].dropped = s->candidates[i].mx.preference >= least;
  return found;
}

/* --- the route --- */

static void site_name(const struct search *s, char *out, size_t size) {
  size_t at = 0;
  out[0] = 0;
  if (!s->has_mx && s->plan.lookup == ROUTE_BY_ADDRESS) snprintf(out, size, "%s:%u", s->domain, s->plan.port);
  if (!s->has_mx && s->plan.lookup != ROUTE_BY_ADDRESS) snprintf(out, size, "%s", s->domain);
  if (!s->has_mx) return;
  for (size_t i = 0; i < s->count && at < size; i++) {
    const struct mx *mx = &s->candidates[i].mx;
    int n = snprintf(out + at, size - at, "%s%u %s", i ? "," : "", mx->preference, mx->name);
    at += n > 0 ? (size_t)n : 0;
  }
}

/* IPv4 and IPv6 in turn, IPv4 first: a host reached over IPv6 often refuses senders without a reverse name there. */
static int fill_host(struct candidate *c, struct route_host *h) {
  size_t total = c->v4_count + c->v6_count;
  if (total > ROUTE_ADDRESSES_MAX) total = ROUTE_ADDRESSES_MAX;
  h->addresses = calloc(total, sizeof *h->addresses);
  if (!h->addresses) return E_MEMORY;
  size_t i4 = 0, i6 = 0;
  while (h->address_count < total) {
    if (i4 < c->v4_count) h->addresses[h->address_count++] = c->v4[i4++];
    if (i6 < c->v6_count && h->address_count < total) h->addresses[h->address_count++] = c->v6[i6++];
  }
  h->preference = c->mx.preference;
  snprintf(h->name, sizeof h->name, "%s", c->mx.name);
  h->tls = c->tls;
  c->tls.dane = NULL; /* it is the host's now */
  return OK;
}

static bool is_usable(const struct candidate *c) {
  return !c->dropped && !c->tls_failed && c->v4_count + c->v6_count > 0;
}

/* The route's from now on. */
static void give_policy(struct search *s, struct route *r) {
  r->sts = s->sts;
  s->sts.policy = NULL;
}

static void report_hosts(struct search *s) {
  char site[MX_HOSTS_MAX * 264];
  site_name(s, site, sizeof site);
  struct route *r = route_new(ROUTE_OK, site, ttl_within(s->ttl));
  if (r) r->terms = s->plan.terms;
  if (r) r->hosts = calloc(s->count, sizeof *r->hosts);
  if (r) r->authentic = s->authentic;
  if (r) give_policy(s, r);
  for (size_t i = 0; r && r->hosts && i < s->count; i++) {
    struct candidate *c = &s->candidates[i];
    if (!is_usable(c)) continue;
    if (fill_host(c, &r->hosts[r->host_count]) == OK) r->host_count++;
  }
  if (r && !r->host_count) route_release(&r); /* no memory */
  report(s, r);
}

/* Who has asked wants to know which of them, to look it up. */
static void report_failed(struct search *s, size_t failed, const struct candidate *first) {
  const char *name = first->mx.name, *which = first->v4_failed ? first->v6_failed ? "A and AAAA" : "A" : "AAAA";
  if (first->tls_failed)
    report_nonef(s, ROUTE_TEMPORARY, "%s the TLSA records of %.150s, so it is not known how to protect the mail",
                 first->bogus ? "DNSSEC does not confirm" : "DNS does not answer for", name);
  else if (first->bogus)
    report_nonef(s, ROUTE_TEMPORARY, "DNSSEC does not confirm the address (%s) of %.180s", which, name);
  else if (failed > 1)
    report_nonef(s, ROUTE_TEMPORARY, "the addresses (%s) of %.180s, and of %zu more, cannot be looked up now", which,
                 name, failed - 1);
  else
    report_nonef(s, ROUTE_TEMPORARY, "the address (%s) of %.180s cannot be looked up now", which, name);
}

static void report_no_address(struct search *s) {
  if (s->barred[0])
    report_nonef(s, ROUTE_NO_ADDRESS, "no address that %.80s leads to can be a mail exchanger's: %.150s", s->domain,
                 s->barred);
  else if (s->has_mx)
    report_nonef(s, ROUTE_NO_ADDRESS, "no mail exchanger of %s has an address (first: %s)", s->domain,
                 s->candidates[0].mx.name);
  else
    report_nonef(s, ROUTE_NO_ADDRESS, "%s has neither MX nor address records", s->domain);
}

static void conclude(struct search *s) {
  bool loop = drop_loops(s); /* once more changes nothing */
  const struct candidate *first_failed = NULL;
  size_t usable = 0, failed = 0, names = 0;
  for (size_t i = 0; i < s->count; i++) {
    const struct candidate *c = &s->candidates[i];
    if (!c->no_name) names++;
    if (c->dropped) continue;
    if (is_usable(c))
      usable++;
    else if ((c->v4_failed || c->v6_failed || c->tls_failed) && !failed++)
      first_failed = c;
  }
  if (usable)
    report_hosts(s);
  else if (failed) /* also when we are a worse exchanger: that one may be up again */
    report_failed(s, failed, first_failed);
  else if (loop)
    report_nonef(s, ROUTE_LOOP, "mail for %.80s loops back to this gateway: %.150s", s->domain, s->own);
  else if (!s->has_mx && !names)
    report_nonef(s, ROUTE_NO_DOMAIN, "the domain %s does not exist", s->domain);
  else
    report_no_address(s);
}

static void ask_tlsa(struct search *s);

static void one_less(struct search *s) {
  if (--s->open) return;
  if (s->tls_asked)
    conclude(s);
  else
    ask_tlsa(s);
}

/* --- TLSA --- */

/* A route's own rules come first: it says itself that nobody, or who, vouches for its hosts. */
struct tls_demand route_terms_demand(const struct route_terms *t) {
  bool rules = t->tls != ROUTE_TLS_MAY || t->implicit_tls || t->login;
  return (struct tls_demand){
      .by = rules ? TLS_RULE_ROUTE : TLS_RULE_NONE,
      .required = t->tls == ROUTE_TLS_VERIFY || (t->tls != ROUTE_TLS_NONE && (t->implicit_tls || t->login)),
      .proof = t->tls == ROUTE_TLS_VERIFY ? TLS_BY_CA : TLS_UNVERIFIED,
  };
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
  if (found->status == DANE_FOUND)
    c->tls = (struct tls_demand){.by = TLS_RULE_DANE,
                                 .required = true,
                                 .proof = found->rules->records->count ? TLS_BY_DANE : TLS_UNVERIFIED,
                                 .dane = found->rules};
  one_less(c->search);
}

static void ask_dane(struct candidate *c) {
  struct search *s = c->search;
  struct dane_search plan = {.resolver = s->plan.resolver,
                             .host = c->mx.name,
                             .next_hop = s->domain,
                             .expanded = s->expanded,
                             .port = s->plan.port,
                             .secure = !c->insecure,
                             .canonical = c->canonical,
                             .done = on_dane,
                             .arg = c};
  s->open++;
  dane_search_start(&plan);
}

/* RFC 8461 4.1, 5: what the domain's policy asks for, where no TLSA records do (2). */
static void demand_by_policy(const struct sts_policy *p, struct candidate *c) {
  if (!p || p->mode == STS_MODE_NONE) return;
  if (p->mode == STS_MODE_ENFORCE)
    c->tls = (struct tls_demand){.by = TLS_RULE_STS, .required = true, .proof = TLS_BY_CA};
  c->tls.sts_testing = p->mode == STS_MODE_TESTING;
  c->tls.sts_unnamed = !sts_policy_names(p, c->mx.name);
}

/* RFC 7672 2.2.1: only where the names of the hosts are known for sure. (It lets a client go on where the MX records
 * are not signed: who can forge those needs no host of the domain's.) */
static void ask_tlsa(struct search *s) {
  bool dane = s->plan.dane && s->authentic && s->plan.terms.tls == ROUTE_TLS_MAY;
  s->tls_asked = true;
  s->open = 1;
  drop_loops(s);
  for (size_t i = 0; i < s->count; i++) {
    struct candidate *c = &s->candidates[i];
    c->tls = route_terms_demand(&s->plan.terms);
    demand_by_policy(s->sts.policy, c);
    if (dane && is_usable(c)) ask_dane(c);
  }
  one_less(s);
}

/* --- A and AAAA --- */

static void take_status(struct candidate *c, const struct dns_answer *answer, bool *failed) {
  if (answer->status == DNS_FAILED) *failed = true;
  if (answer->bogus) c->bogus = true;
  if (answer->status == DNS_NXDOMAIN) c->no_name = true;
  if (answer->status == DNS_FOUND && !answer->secure) c->insecure = true;
  if (answer->status == DNS_FOUND && !c->canonical[0])
    snprintf(c->canonical, sizeof c->canonical, "%s", answer->canonical);
  if (answer->status != DNS_FAILED && answer->ttl < c->search->ttl) c->search->ttl = answer->ttl;
}

static void note(char out[200], const struct candidate *c, const struct sockaddr *address, const char *what) {
  char text[IP_TEXT];
  ip_format(address, text);
  if (!out[0]) snprintf(out, 200, "%.80s has the address %.45s%.40s", c->mx.name, text, what);
}

/* May we connect to it? Never to an address that no other host can have, whatever DNS says. */
static bool may_connect(struct candidate *c, const struct sockaddr *address) {
  struct search *s = c->search;
  char what[40];
  if (s->plan.is_own(s->plan.is_own_arg, address)) {
    c->own = true;
    note(s->own, c, address, ", which is ours");
    return false;
  }
  enum address_kind kind = address_kind_of(address);
  if (kind == ADDRESS_HOST || (kind == ADDRESS_LOOPBACK && s->plan.local)) return true;
  snprintf(what, sizeof what, ", %s", address_kind_phrase(kind));
  note(s->barred, c, address, what);
  return false;
}

static void add_address(struct candidate *c, const struct sockaddr_storage *address) {
  bool v4 = address->ss_family == AF_INET;
  size_t *count = v4 ? &c->v4_count : &c->v6_count;
  if (*count == ROUTE_ADDRESSES_MAX || !may_connect(c, (const struct sockaddr *)address)) return;
  (v4 ? c->v4 : c->v6)[(*count)++] = *address;
}

static void on_a(void *arg, const struct dns_answer *answer) {
  struct candidate *c = arg;
  take_status(c, answer, &c->v4_failed);
  for (size_t i = 0; i < answer->count && i < ROUTE_RECORDS_MAX; i++) {
    if (answer->records[i].data.len != 4) continue;
    struct sockaddr_storage address = {0};
    struct sockaddr_in *a = (struct sockaddr_in *)&address;
    a->sin_family = AF_INET;
    a->sin_port = htons((uint16_t)c->search->plan.port);
    memcpy(&a->sin_addr, answer->records[i].data.at, 4);
    add_address(c, &address);
  }
  one_less(c->search);
}

static void on_aaaa(void *arg, const struct dns_answer *answer) {
  struct candidate *c = arg;
  take_status(c, answer, &c->v6_failed);
  for (size_t i = 0; i < answer->count && i < ROUTE_RECORDS_MAX; i++) {
    if (answer->records[i].data.len != 16) continue;
    struct sockaddr_storage address = {0};
    struct sockaddr_in6 *a = (struct sockaddr_in6 *)&address;
    a->sin6_family = AF_INET6;
    a->sin6_port = htons((uint16_t)c->search->plan.port);
    memcpy(&a->sin6_addr, answer->records[i].data.at, 16);
    add_address(c, &address);
  }
  one_less(c->search);
}

static void ask(struct candidate *c, int type, void (*done)(void *arg, const struct dns_answer *answer)) {
  struct search *s = c->search;
  s->open++;
  if (resolver_ask(s->plan.resolver, c->mx.name, type, done, c) == OK) return;
  s->open--; /* the caller's own count keeps it above zero */
  *(type == ns_t_a ? &c->v4_failed : &c->v6_failed) = true;
}

/* --- MTA-STS --- */

static void on_policy(void *arg, const struct sts_finding *found) {
  struct search *s = arg;
  s->sts.policy = sts_policy_hold(found->policy);
  s->sts.failure = found->failure;
  if (found->ttl < s->ttl) s->ttl = found->ttl;
  one_less(s);
}

/* RFC 8461 3.4: for a next hop that an operator names, its own name is the domain whose policy counts. What a route
 * says itself of TLS needs none. */
static void ask_policy(struct search *s) {
  snprintf(s->sts.domain, sizeof s->sts.domain, "%s", s->domain);
  if (!s->plan.sts || s->plan.terms.tls != ROUTE_TLS_MAY) return;
  s->open++;
  sts_policies_find(s->plan.sts, s->domain, on_policy, s);
}

static void ask_addresses(struct search *s) {
  s->open = 1;
  ask_policy(s);
  for (size_t i = 0; i < s->count; i++) {
    ask(&s->candidates[i], ns_t_a, on_a);
    ask(&s->candidates[i], ns_t_aaaa, on_aaaa);
  }
  one_less(s);
}

static bool add_candidates(struct search *s, const struct mx *mx, size_t count) {
  s->candidates = calloc(count, sizeof *s->candidates);
  if (!s->candidates) return false;
  s->count = count;
  for (size_t i = 0; i < count; i++) {
    s->candidates[i].search = s;
    s->candidates[i].mx = mx[i];
  }
  return true;
}

/* --- MX --- */

/* RFC 5321 5.1: only when there are no MX records is the domain its own exchanger; when its MX records cannot be looked
 * up, or lead nowhere, it is not. */
static void implicit_mx(struct search *s) {
  struct mx self = {.preference = 0};
  s->authentic = true; /* the name is the one that the sender, or an operator, wrote */
  snprintf(self.name, sizeof self.name, "%s", s->domain);
  if (add_candidates(s, &self, 1))
    ask_addresses(s);
  else
    report(s, NULL);
}

static void explicit_mx(struct search *s, const struct dns_answer *answer) {
  struct mx_list list;
  mx_list_read(answer, &list);
  s->has_mx = true;
  s->authentic = answer->secure;
  snprintf(s->expanded, sizeof s->expanded, "%s", answer->canonical);
  if (list.null_mx)
    report_nonef(s, ROUTE_NULL_MX, "%s accepts no mail (null MX)", s->domain);
  else if (!list.count)
    report_nonef(s, ROUTE_NO_ADDRESS, "the MX records of %s name no host", s->domain);
  else if (add_candidates(s, list.hosts, list.count))
    ask_addresses(s);
  else
    report(s, NULL);
}

static void on_mx(void *arg, const struct dns_answer *answer) {
  struct search *s = arg;
  if (answer->status != DNS_FAILED) s->ttl = answer->ttl;
  switch (answer->status) {
  case DNS_FOUND: explicit_mx(s, answer); return;
  case DNS_NODATA: implicit_mx(s); return;
  case DNS_NXDOMAIN: report_nonef(s, ROUTE_NO_DOMAIN, "the domain %s does not exist", s->domain); return;
  case DNS_FAILED: break;
  }
  if (answer->bogus)
    report_nonef(s, ROUTE_TEMPORARY, "DNSSEC does not confirm the MX records of %s", s->domain);
  else
    report_nonef(s, ROUTE_TEMPORARY, "the MX records of %s cannot be looked up now", s->domain);
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
    report_nonef(s, ROUTE_NO_ADDRESS, "%s is no address", s->domain);
    return;
  }
  if (!add_candidates(s, &self, 1)) {
    report(s, NULL);
    return;
  }
  add_address(s->candidates, &address);
  s->candidates->tls = route_terms_demand(&s->plan.terms);
  conclude(s);
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
    report_none(s, ROUTE_TEMPORARY, "too many DNS questions are open");
  return OK;
}

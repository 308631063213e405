#include "relay/delivery/route/search_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The first whose TLSA records cannot be had. */
static void note_tls_unknown(const struct search *s, struct route *route) {
  for (size_t i = 0; route && i < s->count && !route->tls_unknown[0]; i++) {
    if (!s->candidates[i].tls_failed) continue;
    snprintf(route->tls_unknown, sizeof route->tls_unknown, "%s", s->candidates[i].mx.name);
    route->tls_bogus = s->candidates[i].bogus;
  }
}

void search_report(struct search *s, struct route *route) {
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

void search_report_none(struct search *s, enum route_status status, const char *what) {
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
  search_report(s, r);
}

void search_report_nonef(struct search *s, enum route_status status, const char *format, ...) {
  char what[256];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  search_report_none(s, status, what);
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
    if (!candidate_is_usable(c)) continue;
    if (fill_host(c, &r->hosts[r->host_count]) == OK) r->host_count++;
  }
  if (r && !r->host_count) route_release(&r); /* no memory */
  search_report(s, r);
}

/* Who has asked wants to know which of them, to look it up. */
static void report_failed(struct search *s, size_t failed, const struct candidate *first) {
  const char *name = first->mx.name, *which = first->v4_failed ? first->v6_failed ? "A and AAAA" : "A" : "AAAA";
  if (first->tls_failed)
    search_report_nonef(s, ROUTE_TEMPORARY, "%s the TLSA records of %.150s, so it is not known how to protect the mail",
                        first->bogus ? "DNSSEC does not confirm" : "DNS does not answer for", name);
  else if (first->bogus)
    search_report_nonef(s, ROUTE_TEMPORARY, "DNSSEC does not confirm the address (%s) of %.180s", which, name);
  else if (failed > 1)
    search_report_nonef(s, ROUTE_TEMPORARY, "the addresses (%s) of %.180s, and of %zu more, cannot be looked up now",
                        which, name, failed - 1);
  else
    search_report_nonef(s, ROUTE_TEMPORARY, "the address (%s) of %.180s cannot be looked up now", which, name);
}

static void report_no_address(struct search *s) {
  if (s->barred[0])
    search_report_nonef(s, ROUTE_NO_ADDRESS, "no address that %.80s leads to can be a mail exchanger's: %.150s",
                        s->domain, s->barred);
  else if (s->has_mx)
    search_report_nonef(s, ROUTE_NO_ADDRESS, "no mail exchanger of %s has an address (first: %s)", s->domain,
                        s->candidates[0].mx.name);
  else
    search_report_nonef(s, ROUTE_NO_ADDRESS, "%s has neither MX nor address records", s->domain);
}

void search_conclude(struct search *s) {
  bool loop = search_drop_loops(s); /* once more changes nothing */
  const struct candidate *first_failed = NULL;
  size_t usable = 0, failed = 0, names = 0;
  for (size_t i = 0; i < s->count; i++) {
    const struct candidate *c = &s->candidates[i];
    if (!c->no_name) names++;
    if (c->dropped) continue;
    if (candidate_is_usable(c))
      usable++;
    else if ((c->v4_failed || c->v6_failed || c->tls_failed) && !failed++)
      first_failed = c;
  }
  if (usable)
    report_hosts(s);
  else if (failed) /* also when we are a worse exchanger: that one may be up again */
    report_failed(s, failed, first_failed);
  else if (loop)
    search_report_nonef(s, ROUTE_LOOP, "mail for %.80s loops back to this gateway: %.150s", s->domain, s->own);
  else if (!s->has_mx && !names)
    search_report_nonef(s, ROUTE_NO_DOMAIN, "the domain %s does not exist", s->domain);
  else
    report_no_address(s);
}

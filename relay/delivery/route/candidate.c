#include "relay/delivery/route/search_parts.h"

#include "base/address/address_kind.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUTE_RECORDS_MAX 100 /* of one answer that are looked at */

bool search_add_candidates(struct search *s, const struct mx *mx, size_t count) {
  s->candidates = calloc(count, sizeof *s->candidates);
  if (!s->candidates) return false;
  s->count = count;
  for (size_t i = 0; i < count; i++) {
    s->candidates[i].search = s;
    s->candidates[i].mx = mx[i];
  }
  return true;
}

bool candidate_is_usable(const struct candidate *c) {
  return !c->dropped && !c->tls_failed && c->v4_count + c->v6_count > 0;
}

bool search_drop_loops(struct search *s) {
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

void candidate_add_address(struct candidate *c, const struct sockaddr_storage *address) {
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
    candidate_add_address(c, &address);
  }
  search_one_less(c->search);
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
    candidate_add_address(c, &address);
  }
  search_one_less(c->search);
}

static void ask(struct candidate *c, int type, void (*done)(void *arg, const struct dns_answer *answer)) {
  struct search *s = c->search;
  s->open++;
  if (resolver_ask(s->plan.resolver, c->mx.name, type, done, c) == OK) return;
  s->open--; /* the caller's own count keeps it above zero */
  *(type == ns_t_a ? &c->v4_failed : &c->v6_failed) = true;
}

void search_ask_addresses(struct search *s) {
  s->open = 1;
  search_ask_policy(s);
  for (size_t i = 0; i < s->count; i++) {
    ask(&s->candidates[i], ns_t_a, on_a);
    ask(&s->candidates[i], ns_t_aaaa, on_aaaa);
  }
  search_one_less(s);
}

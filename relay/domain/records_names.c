#include "relay/domain/records_parts.h"

#include "base/address/cidr.h"
#include "base/address/global_address.h"
#include "base/address/reverse_name.h"

#include <stdio.h>
#include <string.h>

static bool is_listed(const struct domain_records *out, enum record_kind kind, const char *name, const char *value) {
  for (size_t i = 0; i < out->count; i++)
    if (out->list[i].kind == kind && strcmp(out->list[i].name, name) == 0 && strcmp(out->list[i].value, value) == 0)
      return true;
  return false;
}

static int add_ptr(struct making *m, const struct source *s, const struct sockaddr_storage *address) {
  char name[RECORD_NAME];
  int rc = OK;
  reverse_name(address_octets(address), address->ss_family == AF_INET6 ? "ip6.arpa" : "in-addr.arpa", name,
               sizeof name);
  if (is_listed(m->out, RECORD_PTR, name, s->helo)) return OK;
  struct domain_record *r = records_add(m, RECORD_PTR, "PTR", s->helo, &rc);
  if (!r) return rc;
  r->elsewhere = true;
  r->source = s;
  snprintf(r->name, sizeof r->name, "%s", name);
  snprintf(r->why, sizeof r->why, "the name of %s, which receivers ask for; whoever gave you the address publishes it",
           source_public(s));
  records_find_zone(m->plan, name, r->zone);
  return rc;
}

static int add_helo(struct making *m, const struct source *s, const struct sockaddr_storage *address) {
  int rc = OK;
  if (is_listed(m->out, RECORD_HELO, s->helo, source_public(s))) return OK;
  struct domain_record *r =
      records_add(m, RECORD_HELO, address->ss_family == AF_INET6 ? "AAAA" : "A", source_public(s), &rc);
  if (!r) return rc;
  r->source = s;
  snprintf(r->name, sizeof r->name, "%s", s->helo);
  snprintf(r->why, sizeof r->why,
           "the name that the gateway says in EHLO leads to its address, and the PTR record back");
  r->elsewhere = !zone_holds(m->zone, s->helo);
  if (r->elsewhere) records_find_zone(m->plan, s->helo, r->zone);
  return rc;
}

/* Only of addresses that the world knows: no others can have a PTR record in public DNS. */
int records_add_names(struct making *m) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < m->source_count; i++) {
    const struct source *s = m->sources[i];
    struct sockaddr_storage address;
    if (!ip_is_global(source_public(s)) || ip_parse(source_public(s), 0, &address) != OK) continue;
    rc = add_ptr(m, s, &address);
    if (rc == OK) rc = add_helo(m, s, &address);
  }
  return rc;
}

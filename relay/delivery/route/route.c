#include "relay/delivery/route/route.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

struct route *route_new(enum route_status status, const char *site, uint32_t ttl) {
  struct route *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->status = status;
  r->references = 1;
  r->expires_us = clock_now_us() + (int64_t)ttl * SECOND_US;
  r->site = strdup(site);
  if (!r->site) route_release(&r);
  return r;
}

static const struct static_route *find_command(const struct directory *d, int64_t id) {
  for (size_t i = 0; i < d->route_count; i++)
    if (d->routes[i].id == id) return &d->routes[i];
  return NULL;
}

const char *route_report_domain(const struct directory *d, const struct route_terms *t, const char *domain) {
  const struct static_route *by = t->by ? find_command(d, t->by) : NULL;
  if (t->by && !by) return NULL;
  const char *name = by && by->lookup != ROUTE_DIRECT ? by->host : domain;
  return name[0] == '[' ? NULL : name;
}

bool route_is_enforced(const struct route *r) {
  return r->sts.policy && r->sts.policy->mode == STS_MODE_ENFORCE;
}

/* Without a policy, which is there once however many routes hold it. */
size_t route_octets(const struct route *r) {
  size_t octets = sizeof *r + strlen(r->site) + r->host_count * sizeof r->hosts[0];
  for (size_t i = 0; i < r->host_count; i++) {
    const struct dane_rules *dane = r->hosts[i].tls.dane;
    octets += r->hosts[i].address_count * sizeof r->hosts[i].addresses[0];
    if (dane) octets += sizeof *dane + dane->records->octets;
  }
  return octets;
}

struct route *route_hold(struct route *r) {
  __atomic_add_fetch(&r->references, 1, __ATOMIC_RELAXED);
  return r;
}

void route_release(struct route **r) {
  if (!*r) return;
  struct route *old = *r;
  *r = NULL;
  if (__atomic_sub_fetch(&old->references, 1, __ATOMIC_ACQ_REL)) return;
  sts_policy_release(&old->sts.policy);
  for (size_t i = 0; i < old->host_count; i++) {
    free(old->hosts[i].addresses);
    dane_rules_free(&old->hosts[i].tls.dane);
  }
  free(old->hosts);
  free(old->site);
  free(old);
}

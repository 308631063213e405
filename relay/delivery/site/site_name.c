#include "relay/delivery/site/site_name.h"

#include "base/cidr.h"
#include "base/result.h"
#include "base/suffix.h"

#include <stdio.h>
#include <string.h>

#define SET_NAME_MAX 200 /* a longer one is cut, and told apart by a hash */

static bool has_all(const struct shaping_provider *p, const struct route *r) {
  for (size_t i = 0; i < r->host_count; i++)
    if (!shaping_has_host(p, r->hosts[i].name)) return false;
  return r->host_count > 0;
}

static const struct shaping_provider *provider_of(const struct shaping *s, const struct route *r) {
  for (size_t i = 0; i < s->provider_count; i++)
    if (has_all(&s->providers[i], r)) return &s->providers[i];
  return NULL;
}

/* An address has no organization, nor has a name of one label. */
static bool organization_of(const char *host, char out[DOMAIN_MAX + 1]) {
  struct sockaddr_storage address;
  if (host[0] == '[' || !strchr(host, '.') || ip_parse(host, 0, &address) == OK) return false;
  suffix_organization(host, out);
  return true;
}

static bool shared_organization(const struct route *r, char out[DOMAIN_MAX + 1]) {
  char other[DOMAIN_MAX + 1];
  if (!r->host_count || !organization_of(r->hosts[0].name, out)) return false;
  for (size_t i = 1; i < r->host_count; i++)
    if (!organization_of(r->hosts[i].name, other) || strcmp(out, other) != 0) return false;
  return true;
}

/* FNV-1a. */
static unsigned long long hash(const char *text) {
  unsigned long long h = 14695981039346656037ULL;
  for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211ULL;
  return h;
}

const struct shaping_provider *site_name_of(const struct shaping *s, const struct route *r, char out[SITE_NAME_MAX]) {
  char organization[DOMAIN_MAX + 1];
  const struct shaping_provider *p = r->terms.host ? NULL : provider_of(s, r);
  if (p)
    snprintf(out, SITE_NAME_MAX, "%s", p->name);
  else if (!r->terms.host && shared_organization(r, organization))
    snprintf(out, SITE_NAME_MAX, "%s", organization);
  else if (strlen(r->site) <= SET_NAME_MAX)
    snprintf(out, SITE_NAME_MAX, "%s", r->site);
  else
    snprintf(out, SITE_NAME_MAX, "%.*s#%016llx", SET_NAME_MAX, r->site, hash(r->site));
  return p ? p : &s->rest;
}

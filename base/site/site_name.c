#include "base/site/site_name.h"

#include "base/address/cidr.h"
#include "base/address/suffix.h"
#include "base/result.h"

#include <stdio.h>
#include <string.h>

#define SET_NAME_MAX 200 /* a longer one is cut, and told apart by a hash */

static bool has_all(const struct shaping_provider *p, const char *const *hosts, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!shaping_has_host(p, hosts[i])) return false;
  return count > 0;
}

static const struct shaping_provider *provider_of(const struct shaping *s, const char *const *hosts, size_t count) {
  for (size_t i = 0; i < s->provider_count; i++)
    if (has_all(&s->providers[i], hosts, count)) return &s->providers[i];
  return NULL;
}

/* An address has no organization, nor has a name of one label. */
static bool organization_of(const char *host, char out[DOMAIN_MAX + 1]) {
  struct sockaddr_storage address;
  if (host[0] == '[' || !strchr(host, '.') || ip_parse(host, 0, &address) == OK) return false;
  suffix_organization(host, out);
  return true;
}

static bool shared_organization(const char *const *hosts, size_t count, char out[DOMAIN_MAX + 1]) {
  char other[DOMAIN_MAX + 1];
  if (!count || !organization_of(hosts[0], out)) return false;
  for (size_t i = 1; i < count; i++)
    if (!organization_of(hosts[i], other) || strcmp(out, other) != 0) return false;
  return true;
}

/* FNV-1a. */
static unsigned long long hash(const char *text) {
  unsigned long long h = 14695981039346656037ULL;
  for (; *text; text++) h = (h ^ (unsigned char)*text) * 1099511628211ULL;
  return h;
}

static void name_of_set(const char *set, char out[SITE_NAME_MAX]) {
  if (strlen(set) <= SET_NAME_MAX)
    snprintf(out, SITE_NAME_MAX, "%s", set);
  else
    snprintf(out, SITE_NAME_MAX, "%.*s#%016llx", SET_NAME_MAX, set, hash(set));
}

const struct shaping_provider *site_name_of_hosts(const struct shaping *s, const char *const *hosts, size_t count,
                                                  const char *set, char out[SITE_NAME_MAX]) {
  char organization[DOMAIN_MAX + 1];
  const struct shaping_provider *p = provider_of(s, hosts, count);
  if (p)
    snprintf(out, SITE_NAME_MAX, "%s", p->name);
  else if (shared_organization(hosts, count, organization))
    snprintf(out, SITE_NAME_MAX, "%s", organization);
  else
    name_of_set(set, out);
  return p ? p : &s->rest;
}

#include "relay/delivery/route/source_choice.h"

#include "policy/source_rank.h"

#include <string.h>

#define POOL_DEFAULT "default"

/* FNV-1a, 64 bits, with a last mixing so that the low bits may be used as they are. */
static uint64_t hash(const char *a, const char *b) {
  uint64_t h = UINT64_C(14695981039346656037);
  for (const char *c = a; *c; c++) h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
  h = (h ^ 0xff) * UINT64_C(1099511628211);
  for (const char *c = b; *c; c++) h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
  h ^= h >> 32;
  h *= UINT64_C(0x9e3779b97f4a7c15);
  return h ^ (h >> 29);
}

static bool reaches(const struct source *s, const struct route *route) {
  struct sockaddr_storage address;
  if (ip_parse(s->address, 0, &address) != OK) return false;
  for (size_t i = 0; i < route->host_count; i++)
    for (size_t k = 0; k < route->hosts[i].address_count; k++)
      if (route->hosts[i].addresses[k].ss_family == address.ss_family) return true;
  return false;
}

static const char *family_of(const struct route *route) {
  bool v6 = route->host_count && route->hosts[0].address_count && route->hosts[0].addresses[0].ss_family == AF_INET6;
  return v6 ? "IPv6" : "IPv4";
}

/* What a search among sources has found. */
struct search {
  const struct source *best;
  size_t unusable_count; /* those whose family fits, but the test says no; the first of them: */
  struct reason unusable;
};

static int none_fits(const char *pool, const struct route *route, const struct search *found, struct reason *why) {
  pool = pool[0] ? pool : POOL_DEFAULT;
  if (!found->unusable_count) /* with addresses of both families any source would do */
    return fail(why, E_NOT_FOUND, "no source address for %s, which is all that %.100s has: the pool %.60s has none",
                family_of(route), route->host_count ? route->hosts[0].name : route->site, pool);
  if (found->unusable_count == 1) return fail(why, E_NOT_FOUND, "%s", found->unusable.text);
  return fail(why, E_NOT_FOUND, "%s; of the pool %.60s %zu more cannot be used, either", found->unusable.text, pool,
              found->unusable_count - 1);
}

/* Rendezvous hashing: each source has its own lot for the site, the highest wins; so a source that comes or goes moves
 * only its own sites. `first`: only those of that list. */
static void search(const struct source *sources, size_t count, const char *first, const struct route *route,
                   const struct source_test *test, struct search *out) {
  uint64_t best = 0;
  out->best = NULL;
  out->unusable_count = 0;
  for (size_t i = 0; i < count; i++) {
    uint64_t lot = hash(sources[i].address, route->site);
    if ((*first && !source_listed(first, sources[i].address)) || (out->best && lot <= best)) continue;
    if (!reaches(&sources[i], route)) continue;
    struct reason why;
    if (test->usable(test->arg, &sources[i], &why) != OK) {
      if (!out->unusable_count++) out->unusable = why;
      continue;
    }
    out->best = &sources[i];
    best = lot;
  }
}

int source_choose(const struct directory *d, const struct source_wish *wish, const struct route *route,
                  const struct source_test *test, const struct source **out, struct reason *why) {
  const char *pool = wish->pool, *first = wish->first ? wish->first : "";
  struct search found;
  size_t count = 0;
  *out = NULL;
  const struct source *sources = directory_pool(d, pool, &count);
  if (!count) {
    if (!pool[0] || !strcmp(pool, POOL_DEFAULT)) return OK;
    return fail(why, E_NOT_FOUND,
                "the pool %s has no source addresses: sendoff source add ADDRESS --helo NAME --pool %s", pool, pool);
  }
  search(sources, count, first, route, test, &found);
  if (!found.best && *first && !wish->only) search(sources, count, "", route, test, &found);
  *out = found.best;
  if (*out) return OK;
  if (*first && wish->only && !found.unusable_count)
    return fail(
        why, E_NOT_FOUND,
        "the sending domain's SPF record lists %.100s alone of the pool %.60s, from which this domain cannot be "
        "reached; list another source, or: sendoff domain set DOMAIN --spf observe --dmarc observe",
        first, pool[0] ? pool : POOL_DEFAULT);
  return none_fits(pool, route, &found, why);
}

size_t destination_owner(const char *source, const char *site, size_t count) {
  return (size_t)(hash(source ? source : "", site) % count);
}

#include "relay/delivery/route/source_choice.h"

#include "policy/source_rank.h"
#include "relay/delivery/route/source_lot.h"

#include <string.h>

#define POOL_DEFAULT "default"
#define PERCENT 100

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
  const struct source *full; /* the first that could be used, but has no room */
  size_t unusable_count;     /* those whose family fits, but the test says no; the first of them: */
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

/* One pool, one message. */
struct choosing {
  const struct source *sources;
  size_t count;
  const struct source_wish *wish;
  const struct route *route;
  const struct source_test *test;
};

static bool listed(const struct choosing *c, const struct source *s) {
  return !c->wish->first || !*c->wish->first || source_listed(c->wish->first, source_public(s));
}

static bool is_usable(const struct choosing *c, const struct source *s, struct search *found) {
  struct reason why;
  if (!reaches(s, c->route)) return false;
  if (c->test->usable(c->test->arg, s, &why) == OK) return true;
  if (!found->unusable_count++) found->unusable = why;
  return false;
}

static bool has_room(const struct choosing *c, const struct source *s, struct search *found) {
  if (!c->test->has_room || c->test->has_room(c->test->arg, s)) return true;
  if (!found->full) found->full = s;
  return false;
}

/* What was learnt of the site changes the shares of those that may be used anyway, and nothing else. */
static struct source_lot draw(const struct choosing *c, const struct source *s) {
  const struct source_scale *scale = c->wish->scale;
  unsigned weight = s->weight ? s->weight : 1, percent = scale ? scale->percent(scale->arg, s) : PERCENT;
  return source_lot_draw(s->address, weight * percent, c->wish->message_id);
}

/* The best of those that are on the message's list, or (`all`) of any, with a weight, or (`idle`) without. */
static bool search(const struct choosing *c, bool all, bool idle, struct search *found) {
  struct source_lot best = {0};
  for (size_t i = 0; i < c->count; i++) {
    const struct source *s = &c->sources[i];
    if ((s->weight == 0) != idle || (!all && !listed(c, s))) continue;
    const struct source_lot lot = draw(c, s);
    if ((found->best && !source_lot_wins(&lot, &best)) || !is_usable(c, s, found)) continue;
    if (!has_room(c, s, found)) continue;
    found->best = s;
    best = lot;
  }
  return found->best;
}

/* Both weights: what a sender's SPF record says goes before how an operator shares the mail. */
static bool search_both(const struct choosing *c, bool all, struct search *found) {
  *found = (struct search){0};
  return search(c, all, false, found) || search(c, all, true, found);
}

/* The one of the last attempt, if that may still be. */
static bool keep(const struct choosing *c, struct search *found) {
  const char *kept = c->wish->kept;
  for (size_t i = 0; kept && *kept && !found->best && i < c->count; i++) {
    const struct source *s = &c->sources[i];
    bool may = strcmp(s->address, kept) == 0 && (!c->wish->only || listed(c, s));
    if (!may || !is_usable(c, s, found)) continue;
    if (!has_room(c, s, found)) return true; /* it waits for that one */
    found->best = s;
  }
  return found->best;
}

int source_choose(const struct directory *d, const struct source_wish *wish, const struct route *route,
                  const struct source_test *test, const struct source **out, struct reason *why) {
  const char *pool = wish->pool, *first = wish->first ? wish->first : "";
  struct search found = {0};
  struct choosing c = {.wish = wish, .route = route, .test = test};
  *out = NULL;
  c.sources = directory_pool(d, pool, &c.count);
  if (!c.count) {
    if (!pool[0] || !strcmp(pool, POOL_DEFAULT)) return OK;
    return fail(why, E_NOT_FOUND,
                "the pool %s has no source addresses: sendoff source add ADDRESS --helo NAME --pool %s", pool, pool);
  }
  if (!keep(&c, &found) && !search_both(&c, false, &found) && !found.full && *first && !wish->only)
    search_both(&c, true, &found);
  *out = found.best ? found.best : found.full;
  if (found.best) return OK;
  if (found.full) return fail(why, E_BUSY, "%s warms up, and has no room now", found.full->address);
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

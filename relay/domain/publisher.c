#include "relay/domain/publisher.h"

#include "base/clock.h"
#include "relay/domain/dns_hook.h"
#include "relay/domain/dns_update.h"
#include "relay/domain/zone.h"

#include <string.h>

/* Of the zones that may be updated, the one that is closest to the name. */
static const struct dns_update_config *update_for(const struct config *c, const char *name) {
  const struct dns_update_config *best = NULL;
  for (size_t i = 0; i < c->dns_update_count; i++) {
    const struct dns_update_config *u = &c->dns_updates[i];
    if (zone_holds(u->zone, name) && (!best || strlen(u->zone) > strlen(best->zone))) best = u;
  }
  return best;
}

bool publisher_covers(const struct publisher *p, const char *name) {
  return p->config->dns_hook || update_for(p->config, name);
}

int publisher_run(const struct publisher *p, enum publisher_act act, const char *name, const char *value,
                  uint64_t deadline_ms, struct reason *why) {
  const struct dns_update_config *update = update_for(p->config, name);
  bool add = act == PUBLISHER_ADD;
  if (clock_monotonic_ms() >= deadline_ms) return fail(why, E_TEMPORARY, "there was no time left");
  if (update) return dns_update_run(update, add, name, value, deadline_ms, why);
  if (!p->config->dns_hook) return fail(why, E_NOT_FOUND, "nothing is configured that publishes %s", name);
  return dns_hook_run(p->config->dns_hook, add, name, value, p->until_ms, deadline_ms, why);
}

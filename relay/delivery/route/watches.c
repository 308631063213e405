#include "relay/delivery/route/watches.h"

#include "base/clock.h"
#include "relay/delivery/route/blocklist_watch.h"
#include "relay/delivery/route/source_names.h"
#include "relay/delivery/route/source_success.h"
#include "relay/delivery/route/source_watch.h"
#include "relay/delivery/route/sts_policies.h"
#include "relay/delivery/route/token_renewal.h"
#include "relay/delivery/route/warmup_watch.h"
#include "relay/net/local_address.h"
#include "relay/net/resolver.h"

static bool make_all(struct watches *w, struct gateway *g, const struct watches_owner *o) {
  const struct dns_source dns = {g->resolver, resolver_lookup, resolver_release};
  const struct warmup_owner warmups = {o->idle, o->released, o->arg};
  w->sources = source_watch_new(address_is_here, o->source_gone, o->arg);
  w->names = source_names_new(w->loop, &dns);
  w->success = source_success_new();
  w->blocklists = blocklist_watch_new(w->loop, &dns);
  w->tokens = token_renewal_new(w->loop, &dns, o->idle, o->arg);
  w->warmups = warmup_watch_new(w->loop, &warmups);
  if (g->config->mta_sts) w->policies = sts_policies_new(w->loop, g->resolver, &dns, o->idle, o->arg);
  return w->sources && w->names && w->success && w->blocklists && w->tokens && w->warmups &&
         (w->policies || !g->config->mta_sts);
}

int watches_init(struct watches *w, struct gateway *g, const struct watches_owner *owner, struct reason *why) {
  *w = (struct watches){.loop = g->loops[0]};
  if (make_all(w, g, owner)) return OK;
  watches_free(w);
  return fail(why, E_MEMORY, "out of memory");
}

void watches_tick(struct watches *w, struct route_secrets *secrets) {
  uint64_t now_ms = clock_monotonic_ms();
  int64_t now_us = clock_now_us();
  source_watch_tick(w->sources, w->loop->directory, now_ms);
  source_names_tick(w->names, now_ms);
  blocklist_watch_tick(w->blocklists, now_us);
  token_renewal_tick(w->tokens, secrets, now_us);
  if (w->policies) sts_policies_tick(w->policies, now_us, now_ms);
  warmup_watch_tick(w->warmups, now_us);
}

void watches_stop(struct watches *w) {
  source_names_stop(w->names);
  blocklist_watch_stop(w->blocklists);
  token_renewal_stop(w->tokens);
  if (w->policies) sts_policies_stop(w->policies);
}

bool watches_end(struct watches *w) {
  warmup_watch_stop(w->warmups);
  if (!token_renewal_is_idle(w->tokens) || (w->policies && !sts_policies_idle(w->policies))) return false;
  return warmup_watch_is_idle(w->warmups);
}

void watches_free(struct watches *w) {
  source_watch_free(&w->sources);
  source_names_free(&w->names);
  source_success_free(&w->success);
  blocklist_watch_free(&w->blocklists);
  token_renewal_free(&w->tokens);
  sts_policies_free(&w->policies);
  warmup_watch_free(&w->warmups);
}

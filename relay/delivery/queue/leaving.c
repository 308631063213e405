/* A job leaves: its source is chosen, and it goes to the loop that owns its destination. */
#include "base/clock.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/route/blocklist_watch.h"
#include "relay/delivery/route/source_choice.h"
#include "relay/delivery/route/source_names.h"
#include "relay/delivery/route/source_success.h"
#include "relay/delivery/route/source_watch.h"
#include "relay/delivery/route/warmup_watch.h"
#include "relay/delivery/site/delivery.h"
#include "relay/delivery/site/site_name.h"
#include "relay/net/local_address.h"

#include <stdio.h>
#include <stdlib.h>

struct hand_over {
  struct loop_message message;
  struct job *job;
  struct route *route;
  char source[IP_TEXT], helo[256];
};

static void on_hand_over(struct loop *on, struct loop_message *m) {
  struct hand_over *h = (struct hand_over *)m;
  if (on->delivery)
    delivery_take(on->delivery, h->job, h->route, h->source[0] ? h->source : NULL, h->helo);
  else
    job_finish(on->gateway, h->job, &(struct job_result){0});
  route_release(&h->route);
  free(h);
}

static void hand_over(struct dispatcher *d, struct job *j, struct route *route, const struct source *source,
                      const char *site) {
  struct hand_over *h = calloc(1, sizeof *h);
  if (!h) {
    outcome_no_memory(d->gateway, j);
    return;
  }
  h->message.run = on_hand_over;
  h->job = j;
  h->route = route_hold(route);
  if (source) snprintf(h->source, sizeof h->source, "%s", source->address);
  const char *helo = source && source->helo && source->helo[0] ? source->helo : d->gateway->config->hostname;
  snprintf(h->helo, sizeof h->helo, "%s", helo);
  size_t owner = destination_owner(h->source, site, d->gateway->loop_count); /* all that share a pace are on one loop */
  loop_post(d->gateway->loops[owner], &h->message);
}

/* A job that looks for its source. */
struct leaving {
  struct dispatcher *dispatcher;
  struct route *route;
  char site[SITE_NAME_MAX];
  struct warmup_place place;
  int avoided; /* a family; 0: none */
};

static void begin_leaving(struct leaving *l, struct dispatcher *d, struct route *route) {
  const struct shaping *s = delivery_shaping(d->loop->delivery);
  const struct shaping_provider *p = site_name_of(s, route, l->site);
  l->dispatcher = d;
  l->route = route;
  l->avoided = 0;
  l->place = (struct warmup_place){route->terms.host ? NULL : l->site, p != &s->rest};
}

static int family_of(const struct source *s) {
  struct sockaddr_storage address;
  return ip_parse(s->address, 0, &address) == OK ? address.ss_family : 0;
}

static int may_leave_from(void *arg, const struct source *s, struct reason *why) {
  const struct leaving *l = arg;
  const struct dispatcher *d = l->dispatcher;
  uint64_t now_ms = clock_monotonic_ms();
  if (l->avoided && family_of(s) == l->avoided) return fail(why, E_DENIED, "the other family is wanted");
  if (!source_usable(d->watches.sources, s->address, now_ms)) return address_away(s->address, why);
  int rc = source_name_allows(d->watches.names, s, now_ms, why);
  return rc == OK ? blocklist_watch_allows(d->watches.blocklists, s, why) : rc;
}

static bool has_room(void *arg, const struct source *s) {
  const struct leaving *l = arg;
  return warmup_watch_room(l->dispatcher->watches.warmups, s, &l->place, clock_now_us()) > 0;
}

static bool has_no_place(void *arg, size_t index) {
  return index >= *(const uint32_t *)arg;
}

/* What there is no room for on this source is cut off, and looks for another: *rest. */
static void leave_from(struct leaving *l, struct job *j, const struct source *s, struct job **rest) {
  struct dispatcher *d = l->dispatcher;
  uint32_t room = warmup_watch_room(d->watches.warmups, s, &l->place, clock_now_us());
  bool cut = j->recipient_count > room;
  if (cut && !(*rest = job_split(j, has_no_place, &room))) {
    outcome_no_memory(d->gateway, j);
    return;
  }
  j->warmup = warmup_watch_take(d->watches.warmups, s, &l->place, (uint32_t)j->recipient_count, clock_now_us());
  hand_over(d, j, l->route, s, l->site);
}

static void wait_for_room(struct leaving *l, struct job *j, const struct source *s) {
  struct incident incident = {.stage = STAGE_ROUTE, .trouble = TROUBLE_WARMUP, .local = true};
  struct reason why;
  incident.retry_us = warmup_watch_put_off(l->dispatcher->watches.warmups, s, &l->place, (uint32_t)j->recipient_count,
                                           clock_now_us(), &why, incident.numbers);
  snprintf(incident.text, sizeof incident.text, "%.250s", why.text);
  dispatch_rule(l->dispatcher, j, &incident, s->address, 0);
}

static unsigned percent_at_site(void *arg, const struct source *s) {
  const struct leaving *l = arg;
  return source_success_percent(l->dispatcher->watches.success, l->site, s->address);
}

static int choose(struct leaving *l, const struct job *j, int avoided, const struct source **out, struct reason *why) {
  struct source_test test = {may_leave_from, has_room, l};
  struct source_scale scale = {percent_at_site, l};
  l->avoided = avoided;
  const struct source_wish wish = {.pool = j->envelope.pool,
                                   .first = j->envelope.sources,
                                   .only = j->envelope.flags & MESSAGE_SOURCES_ONLY,
                                   .kept = j->recipients[0].source,
                                   .message_id = j->envelope.id,
                                   .scale = l->dispatcher->gateway->config->learning ? &scale : NULL};
  return source_choose(l->dispatcher->loop->directory, &wish, l->route, &test, out, why);
}

static bool has_family(const struct route *r, int family) {
  for (size_t i = 0; i < r->host_count; i++)
    for (size_t k = 0; k < r->hosts[i].address_count; k++)
      if (r->hosts[i].addresses[k].ss_family == family) return true;
  return false;
}

/* A site that has both families, and cannot be reached by the one, is by the other, where the pool has it. */
static const struct source *other_family(struct leaving *l, struct job *j, const struct source *source) {
  const struct route *route = l->route;
  const struct outages *known = &l->dispatcher->outages;
  struct reason why;
  const struct source *other = NULL;
  if (!source || !has_family(route, AF_INET) || !has_family(route, AF_INET6)) return source;
  int family = family_of(source), wanted = family == AF_INET ? AF_INET6 : AF_INET;
  int64_t now = clock_now_us();
  if (choose(l, j, family, &other, &why) != OK || !other) return source;
  if (outages_family_waits(known, route->site, wanted, now)) return source;
  j->other_family = !outages_family_waits(known, route->site, family, now);
  return j->other_family ? source : other;
}

/* It goes, waits, or is ruled, but for *rest. */
static void leave_once(struct leaving *l, struct job *j, struct job **rest) {
  const struct source *source;
  struct reason why;
  *rest = NULL;
  j->other_family = false;
  int rc = choose(l, j, 0, &source, &why);
  if (rc == OK) {
    source = other_family(l, j, source);
    if (probe_admits(l->dispatcher, j, source ? source->address : "", l->route->site)) leave_from(l, j, source, rest);
  } else if (rc == E_BUSY) {
    wait_for_room(l, j, source);
  } else {
    struct incident incident = {.stage = STAGE_ROUTE, .trouble = TROUBLE_SOURCE, .local = true};
    snprintf(incident.text, sizeof incident.text, "%.250s", why.text);
    dispatch_rule(l->dispatcher, j, &incident, "", 0);
  }
}

int leave_look(struct dispatcher *d, const struct job *j, struct route *route, const struct source **source,
               struct reason *why) {
  struct leaving l;
  begin_leaving(&l, d, route);
  return choose(&l, j, 0, source, why);
}

void leave(struct dispatcher *d, struct job *j, struct route *route) {
  struct leaving l;
  begin_leaving(&l, d, route);
  for (struct job *rest; j; j = rest) leave_once(&l, j, &rest);
}

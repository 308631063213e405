/* What was learnt of sites, into the store now and then, and out of it at the start. */
#include "relay/delivery/route/source_choice.h"
#include "relay/delivery/site/site.h"
#include "store/write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One on its way. */
struct note {
  struct store_site_note op; /* first */
  struct delivery *delivery;
  char site[SITE_NAME_MAX], source[IP_TEXT], reason[200];
};

static void on_kept(struct store_op *op) {
  struct delivery *d = ((struct note *)op)->delivery;
  free(op);
  d->notes--;
  delivery_check_stopped(d);
}

/* What is as it was at its first connection says nothing. */
static bool is_news(const struct site *s, const struct pace_memory *m) {
  const struct pace_memory *old = &s->posted;
  if (s->pace.pause_until_us != s->posted_pause_us) return true;
  if (m->refused_at != old->refused_at || m->closed_after != old->closed_after) return true;
  if (fabs(m->rate - old->rate) > 0.05 * m->rate) return true;
  unsigned known = old->connections ? old->connections : s->pace.limits.connections / 2;
  return m->connections > known + known / 4 || (old->connections && 2 * m->connections < old->connections);
}

static void post(struct site *s, const struct pace_memory *m) {
  struct note *n = calloc(1, sizeof *n);
  if (!n) return; /* the next time */
  snprintf(n->site, sizeof n->site, "%s", s->name);
  snprintf(n->source, sizeof n->source, "%s", s->source);
  snprintf(n->reason, sizeof n->reason, "%.190s", s->reason ? s->reason : "");
  n->delivery = s->delivery;
  n->delivery->notes++;
  store_site_note_init(&n->op);
  bool paused = s->pace.pause_until_us > site_now();
  n->op.note = (struct site_note){.site = n->site,
                                  .source = n->source,
                                  .connections = m->connections,
                                  .refused_at = m->refused_at,
                                  .closed_after = m->closed_after,
                                  .rate = m->rate,
                                  .paused_until_us = paused ? site_wall(s->pace.pause_until_us) : 0,
                                  .action = s->reason ? shaping_action_name(s->action) : "",
                                  .reason = n->reason,
                                  .updated_us = clock_now_us()};
  s->posted = *m;
  s->posted_pause_us = s->pace.pause_until_us;
  loop_store_post(s->delivery->loop, &n->op.op, on_kept);
}

void sites_keep(struct delivery *d, bool all) {
  uint64_t now = clock_monotonic_ms();
  if (!all && now - d->noted_ms < SITE_NOTES_MS) return;
  d->noted_ms = now;
  size_t left = all ? SITES_MAX : SITE_NOTES_AT_ONCE;
  for (struct site *s = d->paced; s && left; s = s->hh.next) {
    struct pace_memory m = pace_remember(&s->pace);
    if (!is_news(s, &m)) continue;
    post(s, &m);
    left--;
  }
}

static void recall_pause(struct site *s, const struct site_note *n) {
  int64_t left = n->paused_until_us - clock_now_us();
  if (left <= 0) return;
  pace_pause(&s->pace, site_now() + left);
  s->posted_pause_us = s->pace.pause_until_us;
  s->reason = strdup(n->reason);
  shaping_action_parse(n->action, &s->action);
}

void delivery_recall_site(struct gateway *g, const struct site_note *n) {
  size_t owner = destination_owner(n->source, n->site, g->loop_count);
  struct delivery *d = g->loops[owner]->delivery;
  struct site *s = HASH_COUNT(d->paced) < SITES_MAX ? site_get(d, n->source, n->site) : NULL;
  if (!s) return;
  s->posted = (struct pace_memory){n->connections, n->refused_at, n->closed_after, n->rate};
  pace_recall(&s->pace, &s->posted, site_now());
  recall_pause(s, n);
}

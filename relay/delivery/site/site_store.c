/* What sites bore, and what was learnt of them, into the store now and then, and out of it at the start. */
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

static void keep_notes(struct delivery *d, size_t most) {
  size_t left = most;
  for (struct site *s = d->paced; s && left; s = s->hh.next) {
    struct pace_memory m = pace_remember(&s->pace);
    if (!is_news(s, &m)) continue;
    post(s, &m);
    left--;
  }
}

/* --- what was learnt --- */

struct learning {
  struct store_site_learning op; /* first */
  struct delivery *delivery;
  char site[SITE_NAME_MAX], source[IP_TEXT];
};

static void on_learning_kept(struct store_op *op) {
  struct delivery *d = ((struct learning *)op)->delivery;
  free(op);
  d->notes--;
  delivery_check_stopped(d);
}

static void post_learning(struct site *s) {
  struct learning *l = calloc(1, sizeof *l);
  if (!l) return; /* the next time */
  snprintf(l->site, sizeof l->site, "%s", s->name);
  snprintf(l->source, sizeof l->source, "%s", s->source);
  l->delivery = s->delivery;
  l->delivery->notes++;
  store_site_learning_init(&l->op);
  l->op.note = (struct site_learning_note){
      .site = l->site, .source = l->source, .learnt = s->learnt, .updated_us = clock_now_us()};
  s->learnt_changed = false;
  loop_store_post(s->delivery->loop, &l->op.op, on_learning_kept);
}

/* Nearly every site has changed: each is written once before the first is again. */
static void keep_learning(struct delivery *d, size_t most, bool all) {
  size_t left = most;
  for (struct site *s = d->paced; s; s = s->hh.next) {
    if (!s->learnt_changed || (!all && s->learnt_sweep == d->learnt_sweep)) continue;
    if (!left--) return;
    s->learnt_sweep = d->learnt_sweep;
    post_learning(s);
  }
  d->learnt_sweep++;
}

/* --- both --- */

void sites_keep(struct delivery *d, bool all) {
  uint64_t now = clock_monotonic_ms();
  if (!all && now - d->noted_ms < SITE_NOTES_MS) return;
  d->noted_ms = now;
  size_t most = all ? SITES_MAX : SITE_NOTES_AT_ONCE;
  keep_notes(d, most);
  keep_learning(d, most, all);
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

void delivery_recall_learning(struct gateway *g, const struct site_learning_note *n) {
  if (!g->config->learning) return;
  size_t owner = destination_owner(n->source, n->site, g->loop_count);
  struct delivery *d = g->loops[owner]->delivery;
  struct site *s = HASH_COUNT(d->paced) < SITES_MAX ? site_get(d, n->source, n->site) : NULL;
  if (!s) return;
  s->learnt = n->learnt;
  site_learning_age(&s->learnt, clock_now_us());
  s->source_changed = d->sources_changed = true; /* so that the dispatcher learns of it */
}

/* The sites of a loop, for people who ask, and what they command. */
#include "relay/delivery/site/destination.h"
#include "relay/delivery/site/site.h"

#include <string.h>

static int64_t wall_or_zero(int64_t at_us) {
  return at_us > site_now() ? site_wall(at_us) : 0;
}

static unsigned connections_now(const struct pace *p) {
  bool single = p->single_until_us > site_now() || p->probing;
  return single ? 1 : (unsigned)p->window;
}

static void count_waiting(const struct delivery *d) {
  for (struct site *s = d->paced; s; s = s->hh.next) s->waiting_jobs = 0;
  for (const struct destination *t = d->destinations; t; t = t->hh.next) t->site->waiting_jobs += t->queue.count;
}

void delivery_sites(const struct loop *on, void (*each)(void *arg, const struct delivery_site *s), void *arg) {
  const struct delivery *d = on->delivery;
  count_waiting(d);
  for (const struct site *s = d->paced; s; s = s->hh.next) {
    const struct pace *p = &s->pace;
    struct delivery_site out = {
        .name = s->name,
        .source = s->source,
        .open = p->open,
        .connections = connections_now(p),
        .connections_most = p->limits.connections,
        .messages = pace_messages_of_connection(p, site_now()),
        .rate = p->rate,
        .waiting = s->waiting_jobs,
        .accepted = s->accepted,
        .deferred = s->deferred,
        .refused = s->refused,
        .paused_until_us = wall_or_zero(p->pause_until_us),
        .single_until_us = wall_or_zero(p->single_until_us),
        .held_until_us = wall_or_zero(p->hold_until_us),
        .action = s->reason ? shaping_action_name(s->action) : "",
        .reason = s->reason,
    };
    each(arg, &out);
  }
}

void delivery_learnt(const struct loop *on, const char *name,
                     void (*each)(void *arg, const struct site_learning_note *n), void *arg) {
  for (const struct site *s = on->delivery->paced; s; s = s->hh.next) {
    if (strcmp(s->name, name) != 0 || !site_learning_any(&s->learnt)) continue;
    struct site_learning_note n = {
        .site = s->name, .source = s->source, .learnt = s->learnt, .updated_us = clock_now_us()};
    each(arg, &n);
  }
}

void delivery_forget_site(const struct loop *on, const char *name) {
  struct delivery *d = on->delivery;
  for (struct site *s = d->paced; s; s = s->hh.next) {
    if (strcmp(s->name, name) != 0) continue;
    s->learnt = (struct site_learning){0};
    s->learnt_changed = false;
    s->source_changed = d->sources_changed = true;
  }
}

void site_resume(struct delivery *d, const char *source, const char *name) {
  for (struct site *s = d->paced; s; s = s->hh.next) {
    if (strcmp(s->name, name) != 0 || (source && strcmp(s->source, source) != 0)) continue;
    pace_resume(&s->pace);
    site_feed(s);
  }
}

void delivery_resume_site(const struct loop *on, const char *source, const char *name) {
  site_resume(on->delivery, source, name);
}

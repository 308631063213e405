#include "relay/delivery/site/site_learn.h"

#include "base/id.h"
#include "relay/delivery/site/put_off.h"

#include <string.h>

#define REPORTS_AT_ONCE 200

static bool is_on(const struct site *s) {
  return s->delivery->loop->gateway->config->learning;
}

static void note_change(struct site *s) {
  s->learnt_changed = true;
}

/* --- the next attempt --- */

/* When it was put off first; 0: that is not known (any more). */
static int64_t first_put_off(const struct site *s, const struct queued_recipient *r) {
  return r->attempts ? put_off_find(s->delivery->put_off, r->to.id)
                     : put_off_note(s->delivery->put_off, r->to.id, site_now());
}

/* A recipient that has come early, and then in time, and was refused both times, gets one more try after as long again,
 * where the schedule would take longer. */
#define AGAIN_AFTER 2

static int64_t again_within(const struct site *s, const struct queued_recipient *r) {
  const struct config *c = s->delivery->loop->gateway->config;
  if (r->attempts != AGAIN_AFTER || !c->retry_count) return 0;
  return c->retry_us[AGAIN_AFTER < c->retry_count ? AGAIN_AFTER : c->retry_count - 1];
}

void site_learn_retry(struct site *s, const struct job *j, size_t index, struct incident *i) {
  if (!is_on(s) || !i->greylisted) return;
  int64_t now = site_now(), wall = clock_now_us();
  const struct queued_recipient *r = &j->recipients[index];
  struct greylist_case c = {.first_us = first_put_off(s, r), .now_us = now, .again_us = again_within(s, r)};
  if (!c.first_us) return;
  if (i->again_us > wall) c.not_before_us = now + (i->again_us - wall);
  random_bytes(&c.random, sizeof c.random);
  int64_t at = greylist_retry_at(&s->learnt.greylist, &c);
  if (at) i->retry_us = wall + (at - now);
}

/* The first attempt, or one that came before the time that the site is known to ask for. */
static bool is_early(const struct site *s, const struct queued_recipient *r, int64_t began_us) {
  if (!r->attempts) return true;
  int64_t first_us = put_off_find(s->delivery->put_off, r->to.id);
  return first_us && began_us - first_us < greylist_known(&s->learnt.greylist);
}

bool site_learn_came_early(const struct site *s, const struct job *j, size_t index, int64_t began_us) {
  return is_on(s) && is_early(s, &j->recipients[index], began_us);
}

/* --- answers --- */

/* From when this message could be tried: its recipients' earlier attempts, or the queue of its destination. */
static int64_t delivery_time(const struct job *j, int64_t first_us) {
  if (first_us) return site_now() - first_us;
  int64_t since = j->attempt_us && j->attempt_us < j->queued_us ? j->attempt_us : j->queued_us;
  return since ? clock_now_us() - since : 0;
}

/* Put off as greylisting does, for coming too early: that says nothing of the site but how long it waits. */
static bool is_greylisted(const struct site *s, const struct queued_recipient *to, const struct ruling *r,
                          int64_t began_us) {
  return r->kind == EVENT_DEFERRED && r->greylisted && is_early(s, to, began_us);
}

static void learn_answer(struct site *s, const struct job *j, size_t index, const struct ruling *r, int64_t began_us) {
  const struct queued_recipient *to = &j->recipients[index];
  bool first = !to->attempts;
  int64_t first_us = put_off_find(s->delivery->put_off, to->to.id);
  struct learnt_answer a = {.first = first,
                            .taken = r->kind == EVENT_DELIVERED,
                            .greylisted = r->kind == EVENT_DEFERRED && r->greylisted,
                            .put_off = r->kind == EVENT_DEFERRED && !is_greylisted(s, to, r, began_us),
                            .size = j->envelope.size};
  if (!first && first_us) a.since_first_us = began_us - first_us;
  /* Of mail whose earlier attempts are not known, the delivery has no beginning. */
  if (a.taken && (first || first_us)) a.delivery_us = delivery_time(j, first ? 0 : first_us);
  site_learning_answer(&s->learnt, &a, clock_now_us());
}

/* What refuses a message may be its recipient, its content, or the address that it comes from: the reply says which, as
 * far as it has an enhanced code (RFC 3463 3.2, 3.3: X.1, X.2 is the mailbox; 3.8: X.7 is policy). */
static bool may_be_for_the_source(const struct ruling *r) {
  char subject = r->enhanced[0] ? r->enhanced[2] : 0;
  if (!r->remote) return false;
  if (r->kind == EVENT_BOUNCED) return subject == '7';
  return r->kind == EVENT_DEFERRED && subject != '1' && subject != '2';
}

static void learn_source(struct site *s, const struct outcome *o, int64_t began_us) {
  bool taken = false, refused = false;
  for (size_t i = 0; i < o->job->recipient_count; i++) {
    const struct ruling *r = &o->rulings[i];
    taken |= r->kind == EVENT_DELIVERED;
    refused |= may_be_for_the_source(r) && !is_greylisted(s, &o->job->recipients[i], r, began_us);
  }
  if (!taken && !refused) return;
  site_learning_source(&s->learnt, taken);
  s->source_changed = s->delivery->sources_changed = true;
}

/* A recipient that has left the queue is nobody's any more. */
static void forget(struct site *s, const struct outcome *o) {
  for (size_t i = 0; i < o->job->recipient_count; i++)
    if (o->rulings[i].kind != EVENT_DEFERRED) put_off_forget(s->delivery->put_off, o->job->recipients[i].to.id);
}

void site_learn_outcome(struct site *s, const struct outcome *o, int64_t began_us) {
  bool answered = false;
  if (!is_on(s)) return;
  for (size_t i = 0; i < o->job->recipient_count; i++) {
    const struct ruling *r = &o->rulings[i];
    if (!r->remote && r->kind != EVENT_DELIVERED) continue; /* there was no answer */
    learn_answer(s, o->job, i, r, began_us);
    answered = true;
  }
  if (answered) learnt_times_add(&s->learnt.transaction, site_now() - began_us);
  if (answered) note_change(s);
  learn_source(s, o, began_us);
  forget(s, o);
}

void site_learn_refused(struct site *s) {
  if (!is_on(s)) return;
  site_learning_refused(&s->learnt, clock_now_us());
  s->source_changed = s->delivery->sources_changed = true;
  note_change(s);
}

/* --- to the dispatcher --- */

void sites_report_sources(struct delivery *d) {
  size_t left = REPORTS_AT_ONCE;
  if (!d->sources_changed) return;
  d->sources_changed = false;
  for (struct site *s = d->paced; s; s = s->hh.next) {
    if (!s->source_changed) continue;
    d->sources_changed = !left; /* the rest comes with the next second */
    if (!left--) return;
    s->source_changed = false;
    if (*s->source) delivery_source_fares(d->loop->gateway, s->name, s->source, s->learnt.source);
  }
}

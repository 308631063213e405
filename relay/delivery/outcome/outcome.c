/* An outcome's life, and what is decided about each recipient. How it gets into the store: outcome_store.c. */
#include "relay/delivery/outcome/outcome.h"

#include "base/clock.h"
#include "base/id.h"
#include "relay/delivery/outcome/outcome_parts.h"
#include "relay/delivery/outcome/regard.h"
#include "relay/delivery/outcome/story.h"

#include <stdlib.h>
#include <utlist.h>

/* --- all of a loop --- */

struct outcomes *outcomes_new(struct loop *loop, struct content_loader *loader, void (*empty)(void *arg), void *arg) {
  struct outcomes *all = calloc(1, sizeof *all);
  if (!all) return NULL;
  all->loop = loop;
  all->loader = loader;
  all->empty = empty;
  all->arg = arg;
  return all;
}

void outcomes_free(struct outcomes **all) {
  free(*all);
  *all = NULL;
}

bool outcomes_is_empty(const struct outcomes *all) {
  return !all->list;
}

void outcomes_each(const struct outcomes *all, void (*each)(void *arg, const struct job *j, const char *host),
                   void *arg) {
  for (const struct outcome *o = all->list; o; o = o->next) {
    const struct pending *p = (const struct pending *)o;
    if (p->committed && o->job) each(arg, o->job, p->host);
  }
}

bool outcomes_are_unkept(const struct outcomes *all) {
  return all->unkept > 0;
}

void outcomes_count(const struct outcomes *all, struct delivery_counters *to) {
  to->delivered += all->counters.delivered;
  to->deferred += all->counters.deferred;
  to->bounced += all->counters.bounced;
  to->sts_refused += all->counters.sts_refused;
}

/* --- life --- */

struct outcome *outcome_prepare(struct outcomes *all, struct job *j) {
  struct pending *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->outcome.rulings = calloc(j->recipient_count, sizeof *p->outcome.rulings);
  p->outcomes = calloc(j->recipient_count, sizeof *p->outcomes);
  p->actions = calloc(j->recipient_count, sizeof *p->actions);
  if (!p->outcome.rulings || !p->outcomes || !p->actions) {
    free(p->outcome.rulings);
    free(p->outcomes);
    free(p->actions);
    free(p);
    return NULL;
  }
  p->outcome.job = j;
  p->outcome.all = all;
  DL_APPEND(all->list, &p->outcome);
  return &p->outcome;
}

static void remove_from_list(struct pending *p) {
  struct outcomes *all = p->outcome.all;
  struct outcome *o = &p->outcome;
  DL_DELETE(all->list, o);
  free(p);
  if (!all->list) all->empty(all->arg);
}

static void on_timer_closed(uv_handle_t *timer) {
  remove_from_list(timer->data);
}

void outcome_destroy(struct pending *p) {
  notice_free(&p->notice);
  job_free(&p->outcome.job);
  free(p->outcome.rulings);
  free(p->outcomes);
  free(p->actions);
  p->outcome.rulings = NULL;
  p->outcomes = NULL;
  p->actions = NULL;
  p->waiting = false;
  if (p->timer_open)
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
  else
    remove_from_list(p);
}

struct job *outcome_cancel(struct outcome **o) {
  struct pending *p = (struct pending *)*o;
  struct job *j = (*o)->job;
  *o = NULL;
  p->outcome.job = NULL;
  outcome_destroy(p);
  return j;
}

struct choice {
  const struct outcome *outcome;
  bool (*chosen)(const struct ruling *r);
};

static bool is_chosen(void *arg, size_t index) {
  const struct choice *c = arg;
  return c->chosen(&c->outcome->rulings[index]);
}

struct job *outcome_take(struct outcome **o, bool (*chosen)(const struct ruling *r)) {
  struct choice choice = {*o, chosen};
  size_t count = (*o)->job->recipient_count, found = 0, kept = 0;
  for (size_t i = 0; i < count; i++) found += is_chosen(&choice, i);
  if (!found) return NULL;
  if (found == count) return outcome_cancel(o);
  struct job *taken = job_split((*o)->job, is_chosen, &choice);
  struct ruling *rulings = (*o)->rulings;
  for (size_t i = 0; taken && i < count; i++)
    if (!chosen(&rulings[i])) rulings[kept++] = rulings[i];
  return taken;
}

void outcome_note_onward(struct outcome *o, const struct outcome_place *where) {
  for (size_t i = 0; i < o->job->recipient_count; i++) {
    struct ruling *r = &o->rulings[i];
    if (!r->onward) continue;
    char **before = job_before(o->job, i);
    r->onward = before != NULL;
    if (!before) continue;
    story_add(before, where->before);
    story_add_ruling(before, where->host, r);
  }
}

void outcome_note_walk(struct job *j, const struct incident *incident, const struct outcome_place *where) {
  for (size_t i = 0; i < j->recipient_count; i++) {
    char **before = job_before(j, i);
    if (!before) return;
    story_add(before, where->before);
    story_add_incident(before, where->host, incident);
  }
}

/* --- rulings --- */

/* RFC 2852 4.1: with by-mode R its time is over when its sender says so, if not before. */
static bool sender_ends_it(const struct job *j) {
  return j->envelope.flags & MESSAGE_BY_RETURN && j->envelope.deliver_by_us < j->envelope.expires_us;
}

/* One for all of its recipients, which so stay together. */
static uint32_t random_of(struct outcome *o) {
  struct pending *p = (struct pending *)o;
  if (!p->random) random_bytes(&p->random, sizeof p->random);
  return p->random;
}

void outcome_rule(struct outcome *o, size_t index, const struct incident *incident) {
  job_follow_clock(o->job);
  const struct job *j = o->job;
  struct ruling *r = &o->rulings[index];
  struct verdict_case c = {.config = o->all->loop->gateway->config,
                           .attempts = j->recipients[index].attempts,
                           .created_us = j->envelope.created_us,
                           .sender_ends = sender_ends_it(j),
                           .last = j->recipients[index].last,
                           .now_us = clock_now_us()};
  c.expires_us = c.sender_ends ? j->envelope.deliver_by_us : j->envelope.expires_us;
  c.random = random_of(o);
  verdict_rule(&c, incident, r);
  r->regard = regard_of(incident, r);
  if (incident->trouble == TROUBLE_RETURNED) r->by = j->recipients[index].returned;
  if (r->kind != EVENT_DEFERRED) return;
  int64_t moment = notice_moment(c.config, j, index, r, c.now_us);
  if (r->next_us > moment) r->next_us = moment;
}

void outcome_rule_rest(struct outcome *o, const struct incident *incident) {
  for (size_t i = 0; i < o->job->recipient_count; i++)
    if (!o->rulings[i].set) outcome_rule(o, i, incident);
}

/* Recipients that were put off for about as long wait for the last of them: then they are due together, and go in one
 * transaction again. Their replies came one by one, and each by itself would get the whole message sent once more. */
void outcome_gather(struct outcome *o) {
  const struct config *config = o->all->loop->gateway->config;
  int64_t now = clock_now_us(), last = 0;
  for (size_t i = 0; i < o->job->recipient_count; i++)
    if (o->rulings[i].kind == EVENT_DEFERRED && o->rulings[i].next_us > last) last = o->rulings[i].next_us;
  for (size_t i = 0; i < o->job->recipient_count; i++) {
    struct ruling *r = &o->rulings[i];
    if (r->kind != EVENT_DEFERRED || (last - r->next_us) > (last - now) / 10) continue;
    int64_t moment = notice_moment(config, o->job, i, r, now);
    r->next_us = last < moment ? last : moment;
  }
}

bool outcome_ruled(const struct outcome *o) {
  for (size_t i = 0; i < o->job->recipient_count; i++)
    if (!o->rulings[i].set) return false;
  return true;
}

/* --- what only waits --- */

bool outcome_is_due(const struct config *c, const struct job *j, int64_t now_us) {
  if (j->envelope.expires_us <= now_us || job_deadline(j) <= now_us) return true;
  for (size_t i = 0; i < j->recipient_count; i++)
    if (notice_is_due(c, j, i, now_us)) return true;
  return false;
}

int64_t outcome_due_at(const struct config *c, const struct job *j, int64_t now_us) {
  static const struct ruling waits = {.kind = EVENT_DEFERRED};
  int64_t first = j->envelope.expires_us;
  for (size_t i = 0; i < j->recipient_count; i++) {
    int64_t moment = notice_moment(c, j, i, &waits, now_us);
    if (moment < first) first = moment;
  }
  return first;
}

/* --- without an attempt --- */

void outcome_no_memory(struct gateway *g, struct job *j) {
  job_finish(g, j, &(struct job_result){.not_before_us = clock_now_us() + verdict_site_pause(g->config)});
}

void outcome_without_attempt(struct outcomes *all, struct job *j, const struct incident *incident,
                             const struct outcome_place *where, int64_t not_before_us) {
  struct outcome *o = outcome_prepare(all, j);
  if (!o) {
    outcome_no_memory(all->loop->gateway, j);
    return;
  }
  outcome_rule_rest(o, incident);
  outcome_commit(o, where, not_before_us);
}

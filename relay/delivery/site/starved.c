#include "relay/delivery/site/starved.h"

#include "base/log.h"
#include "relay/delivery/site/idle.h"

#include <stdio.h>
#include <utlist.h>

static void site_key(const struct destination *d, char out[SITE_KEY_MAX]) {
  snprintf(out, SITE_KEY_MAX, "%s %.230s", d->source_text, d->route->site);
}

enum site_class starved_class(struct destination *d) {
  char key[SITE_KEY_MAX];
  site_key(d, key);
  return site_class_of(d->delivery->sites, key, clock_monotonic_ms());
}

void destination_answered(struct destination *d) {
  char key[SITE_KEY_MAX];
  site_key(d, key);
  site_answered(d->delivery->sites, key, clock_monotonic_ms());
}

void destination_was_silent(struct destination *d) {
  char key[SITE_KEY_MAX];
  site_key(d, key);
  site_was_silent(d->delivery->sites, key, clock_monotonic_ms());
}

/* --- who waits --- */

bool starved_may_open(struct destination *d) {
  struct shares *s = &d->delivery->shares;
  const struct job *j = job_queue_first(&d->queue);
  struct share *a = j ? shares_of(s, j->envelope.account) : NULL;
  if (!a) return false;
  enum site_class class = starved_class(d);
  bool may = share_allows(s, a, class) && (d->fed || !a->waiting[class]);
  share_tidy(s, a);
  return may;
}

static void warn(struct delivery *d) {
  uint64_t now = clock_monotonic_ms();
  if (d->warned_ms && now - d->warned_ms < STARVED_WARN_MS) return;
  d->warned_ms = now;
  const struct shares *s = &d->shares;
  const struct share *largest = shares_largest(s);
  struct log_line l;
  log_begin(&l, LOG_WARN_, NULL, "connections short");
  log_int(&l, "open", (int64_t)shares_used(s));
  log_int(&l, "most", (int64_t)s->most);
  log_int(&l, "unanswered", (int64_t)(s->used[SITE_NEW] + s->used[SITE_SILENT]));
  log_int(&l, "waiting", (int64_t)s->waiting);
  if (largest) log_str(&l, "account", largest->account);
  if (largest) log_int(&l, "account_open", (int64_t)share_held(largest));
  log_str(&l, "next", "sites that do not answer get less time, and their mail waits in the queue");
  log_end(&l);
}

/* Back to the queue, as if nothing had been tried; but the best `keep`. */
static void give_back(struct destination *d, size_t keep) {
  struct job *kept[STARVED_JOBS_MAX], *j;
  size_t count = 0;
  while (count < keep && (j = job_queue_take(&d->queue))) kept[count++] = j;
  struct job_result result = {.not_before_us = clock_now_us() + STARVED_BACK_US};
  while ((j = job_queue_take(&d->queue))) job_finish(d->delivery->loop->gateway, j, &result);
  while (count)
    if (job_queue_put_back(&d->queue, kept[--count]) != OK)
      job_finish(d->delivery->loop->gateway, kept[count], &result);
}

void starved_add(struct destination *d) {
  struct shares *s = &d->delivery->shares;
  const struct job *j = job_queue_first(&d->queue);
  if (d->share || !j) return;
  struct share *a = s->waiting < STARVED_MAX ? shares_of(s, j->envelope.account) : NULL;
  if (!a) {
    give_back(d, 0);
    destination_wake(d);
    return;
  }
  d->share = a;
  d->waiting_class = starved_class(d);
  if (d->fed) /* somebody was faster: it keeps its place */
    DL_PREPEND(a->waiting[d->waiting_class], d);
  else
    DL_APPEND(a->waiting[d->waiting_class], d);
  d->fed = false;
  s->waiting++;
  warn(d->delivery);
  idle_give_way(d->delivery);
}

void starved_remove(struct destination *d) {
  struct share *a = d->share;
  if (!a) return;
  DL_DELETE(a->waiting[d->waiting_class], d);
  d->next = d->prev = NULL;
  d->share = NULL;
  d->delivery->shares.waiting--;
  share_tidy(&d->delivery->shares, a);
}

bool starved_walk_may_go_on(const struct connection *c) {
  const struct destination *d = c->destination;
  if (!d->delivery->shares.waiting || c->class == SITE_ANSWERS) return true;
  return c->tried.count < d->tried.count + STARVED_ADDRESSES_MAX;
}

void starved_feed(struct delivery *delivery) {
  enum site_class class;
  struct share *a = shares_next(&delivery->shares, &class);
  if (!a) return;
  struct destination *d = a->waiting[class];
  starved_remove(d);
  d->fed = true;
  destination_wake(d);
}

/* --- each second, while some wait --- */

static void end_silent(struct destination *d, enum site_class class, uint64_t now_ms, size_t *wanted) {
  uint64_t patience = class == SITE_SILENT ? STARVED_SILENT_MS : STARVED_SILENCE_MS;
  for (struct connection *c = d->connections; c && *wanted; c = c->next) {
    if (c->phase != CONNECTION_WALKING || !c->client || now_ms - c->opened_ms < patience) continue;
    client_abort(c->client, TROUBLE_TIMEOUT, "no answer in the time that there is while connections are short,");
    --*wanted;
  }
}

/* Not where its turn may come soon; nor is what another host of the attempt has put off sent back to its start. */
static bool may_give_back(const struct destination *d, uint64_t now_ms) {
  return now_ms - d->since_ms >= STARVED_KEEP_MS && d->queue.count > STARVED_JOBS_MAX && !d->tried.count && !d->plain;
}

void starved_tick(struct delivery *delivery) {
  size_t wanted = delivery->shares.waiting;
  uint64_t now = clock_monotonic_ms();
  if (!wanted) return;
  for (struct destination *d = delivery->destinations; d; d = d->hh.next) {
    enum site_class class = starved_class(d);
    if (class == SITE_ANSWERS) continue;
    end_silent(d, class, now, &wanted);
    if (may_give_back(d, now)) give_back(d, STARVED_JOBS_MAX);
  }
}

/* Accounts and the queue, as the store has them. */
#include "base/clock.h"
#include "base/usage/limits.h"
#include "cli/doctor/gather.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 500 /* recipient domains that are judged */
#define PAUSED_MAX 50   /* sites */
#define SITE_NOTES_MOST 2000
#define LIMITS_MAX 1000 /* that are near their end */
#define BRAKES_MAX 1000
#define ACCOUNTS_MS 3000 /* then the rest is left out */
#define NEAR_PERCENT 80

/* --- accounts --- */

/* Windows of a minute fill and empty all the time, and what is smoothed waits for its turn. */
static bool is_of_interest(const struct limit *l) {
  return !l->per_message && l->action != LIMIT_SMOOTH && l->window >= WINDOW_HOUR;
}

static void examine_limits(struct doctor_facts *d, const struct usage_scope *scope, const struct usage *u) {
  for (size_t i = 0; i < scope->limit_count && d->limit_count < LIMITS_MAX; i++) {
    const struct limit *l = &scope->limits[i];
    uint64_t used = limit_used(l, u);
    unsigned percent = used >= l->count ? 100 : (unsigned)((double)used * 100 / (double)l->count);
    if (!is_of_interest(l) || percent < NEAR_PERCENT) continue;
    d->limits[d->limit_count++] = (struct limit_facts){.scope = scope->scope,
                                                       .owner = scope->scope == SCOPE_GATEWAY ? "" : scope->owner,
                                                       .limit = l,
                                                       .percent = percent};
  }
}

static void examine_scope(struct gathering *g, const struct usage_scope *scope) {
  struct usage *u = calloc(1, sizeof *u);
  if (u && scope->limit_count && reader_usage(g->reader, scope, u) == OK) examine_limits(g->facts, scope, u);
  free(u);
}

/* A step that was only observed ends when the brake acts, and none is left where it is off
 * (cli/account/account_brake.c). */
static void examine_brake(struct gathering *g, const struct account *a) {
  struct doctor_facts *d = g->facts;
  struct brake *b = malloc(sizeof *b);
  uint64_t recipients;
  struct facts f = {.directory = g->directory, .account = a};
  enum check_mode mode = policy_mode(&f, "brake");
  if (b && mode != CHECK_OFF && reader_brake(g->reader, a->name, b, &recipients) == OK && b->step != BRAKE_NONE &&
      b->mode >= mode && d->brake_count < BRAKES_MAX)
    d->brakes[d->brake_count++] = (struct brake_facts){.account = a->name, .step = b->step, .mode = b->mode};
  free(b);
}

static void examine_accounts(struct gathering *g) {
  struct doctor_facts *d = g->facts;
  uint64_t until_ms = clock_monotonic_ms() + ACCOUNTS_MS;
  struct usage_scope gateway = usage_scope_of_gateway(g->directory);
  d->limits = calloc(LIMITS_MAX, sizeof *d->limits);
  d->brakes = calloc(BRAKES_MAX, sizeof *d->brakes);
  if (!d->limits || !d->brakes) return;
  examine_scope(g, &gateway);
  for (size_t i = 0; i < g->directory->domain_count && clock_monotonic_ms() < until_ms; i++) {
    struct usage_scope scope = usage_scope_of_domain(&g->directory->domains[i]);
    examine_scope(g, &scope);
  }
  for (size_t i = 0; i < g->directory->account_count && clock_monotonic_ms() < until_ms; i++) {
    struct usage_scope scope = usage_scope_of_account(&g->directory->accounts[i]);
    examine_scope(g, &scope);
    examine_brake(g, &g->directory->accounts[i]);
  }
}

/* --- the queue --- */

static bool take_waiting(void *arg, const struct queue_summary_row *s) {
  struct doctor_facts *d = arg;
  d->waiting_recipients += s->queued + s->held + s->returning;
  if (d->waiting_count == WAITING_MAX) return true;
  struct waiting_facts *w = &d->waiting[d->waiting_count++];
  *w = (struct waiting_facts){
      .queued = s->queued + s->returning, .held = s->held, .oldest_us = s->oldest_us, .next_us = s->next_us};
  bytes_copy(bytes_of(s->domain), w->domain, sizeof w->domain);
  bytes_copy(bytes_of(s->last), w->last, sizeof w->last);
  return true;
}

static bool take_site(void *arg, const struct site_note *n) {
  struct doctor_facts *d = arg;
  if (n->paused_until_us <= d->now_us) return true;
  struct paused_site_facts *p = &d->paused[d->paused_count++];
  *p = (struct paused_site_facts){.until_us = n->paused_until_us};
  bytes_copy(bytes_of(n->site), p->site, sizeof p->site);
  bytes_copy(bytes_of(n->source), p->source, sizeof p->source);
  bytes_copy(bytes_of(n->reason), p->reason, sizeof p->reason);
  return d->paused_count < PAUSED_MAX;
}

void gather_mail(struct gathering *g) {
  struct doctor_facts *d = g->facts;
  if (!d->directory) return;
  examine_accounts(g);
  d->waiting = calloc(WAITING_MAX, sizeof *d->waiting);
  d->paused = calloc(PAUSED_MAX, sizeof *d->paused);
  if (d->waiting) reader_queue_summary(g->reader, take_waiting, d);
  if (d->paused) reader_site_notes(g->reader, SITE_NOTES_MOST, take_site, d);
}

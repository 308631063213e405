#include "relay/delivery/site/delivery.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "relay/delivery/route/route_secrets.h"
#include "relay/delivery/site/connection.h"
#include "relay/delivery/site/delivery_parts.h"
#include "relay/delivery/site/destination.h"
#include "relay/delivery/site/put_off.h"
#include "relay/delivery/site/site.h"
#include "relay/delivery/site/site_learn.h"
#include "relay/delivery/site/starved.h"
#include "relay/message/conversion.h"

#include <stdlib.h>
#include <string.h>

#define RECHECK_MS 20

static void on_no_outcome(void *arg) {
  delivery_check_stopped(arg);
}

/* Of one loop. */
static size_t connections_most(const struct gateway *g) {
  size_t most =
      g->config->max_connections && g->loop_count ? g->config->max_connections / g->loop_count : LOOP_CONNECTIONS_MAX;
  return most < LOOP_CONNECTIONS_LEAST ? LOOP_CONNECTIONS_LEAST : most;
}

int delivery_new(struct loop *loop, struct delivery **out) {
  struct delivery *d = *out = calloc(1, sizeof *d);
  if (!d) return E_MEMORY;
  d->loop = loop;
  d->learnt_sweep = 1;
  shares_init(&d->shares, connections_most(loop->gateway));
  d->lockstep_hosts = host_list_new(LOCKSTEP_US);
  d->one_domain_hosts = host_list_new(ONE_DOMAIN_US);
  d->failed_addresses = host_list_new(REACH_US);
  d->slow_addresses = host_list_new(REACH_US);
  d->sites = site_memory_new();
  d->login_pauses = login_pauses_new();
  d->downs = downs_new();
  d->put_off = put_off_new();
  d->tls = tls_tally_new();
  d->shaping = shaping_new();
  bool lists = d->lockstep_hosts && d->one_domain_hosts && d->failed_addresses && d->slow_addresses;
  if (lists && d->downs && d->sites && d->shaping && d->login_pauses && d->put_off && d->tls &&
      content_loader_new(loop, &d->loader) == OK)
    d->outcomes = outcomes_new(loop, d->loader, on_no_outcome, d);
  if (d->outcomes) return OK;
  delivery_free(out);
  return E_MEMORY;
}

void delivery_free(struct delivery **delivery) {
  if (!*delivery) return;
  outcomes_free(&(*delivery)->outcomes);
  if ((*delivery)->loader) content_loader_free(&(*delivery)->loader);
  host_list_free(&(*delivery)->lockstep_hosts);
  host_list_free(&(*delivery)->one_domain_hosts);
  host_list_free(&(*delivery)->failed_addresses);
  host_list_free(&(*delivery)->slow_addresses);
  site_memory_free(&(*delivery)->sites);
  sites_free(*delivery);
  shaping_release(&(*delivery)->shaping);
  login_pauses_free(&(*delivery)->login_pauses);
  tls_tally_free(&(*delivery)->tls);
  put_off_free(&(*delivery)->put_off);
  downs_free(&(*delivery)->downs);
  route_secrets_release(&(*delivery)->secrets);
  shares_clear(&(*delivery)->shares);
  free(*delivery);
  *delivery = NULL;
}

void delivery_set_shaping(struct delivery *d, struct shaping *shaping) {
  sites_set_shaping(d, shaping);
}

const struct shaping *delivery_shaping(const struct delivery *d) {
  return d->shaping;
}

static bool has_login(const void *secrets, int64_t route) {
  return route_secrets_find(secrets, route) != NULL;
}

void delivery_refresh(struct delivery *d, struct route_secrets *s) {
  route_secrets_release(&d->secrets);
  d->secrets = route_secrets_hold(s);
  login_pauses_keep(d->login_pauses, has_login, s);
  for (struct destination *t = d->destinations; t; t = t->hh.next)
    if (t->route->terms.login) destination_wake(t); /* it may wait for a token */
}

struct route_secrets *delivery_secrets(const struct delivery *d) {
  return d->secrets;
}

struct outcomes *delivery_outcomes(struct delivery *d) {
  return d->outcomes;
}

/* The last gate before a connection, whatever led here: mail of a sandbox waits rather than leaves. */
static bool is_kept_here(const struct job *j) {
  if (!(j->envelope.flags & MESSAGE_SANDBOX)) return false;
  char id[ID_TEXT];
  id_format(j->envelope.id, id);
  log_event(LOG_ERROR_, NULL, "not sent", "message", id, "reason", "it is of a sandbox, and came to a next hop", NULL);
  return true;
}

void delivery_take(struct delivery *d, struct job *j, struct route *route, const char *source, const char *helo) {
  struct gateway *g = d->loop->gateway;
  if (d->stopping || is_kept_here(j))
    job_finish(g, j, &(struct job_result){0});
  else if (destination_take(d, j, route, source, helo) != OK)
    outcome_no_memory(g, j);
}

void delivery_source_gone(struct delivery *d, const char *address) {
  if (d->stopping) return;
  for (struct destination *t = d->destinations; t; t = t->hh.next)
    if (strcmp(t->source_text, address) == 0) destination_source_gone(t);
}

void delivery_count_sites(const struct delivery *d, struct delivery_counters *to) {
  outcomes_count(d->outcomes, to);
  to->connections += shares_used(&d->shares);
  to->starved += d->shares.waiting;
  to->idle_gave_way += d->gave_way;
  to->logins_refused += login_pause_count(d->login_pauses);
  to->destinations += HASH_COUNT(d->destinations);
  for (const struct site *s = d->paced; s; s = s->hh.next) {
    if (s->pace.pause_until_us <= site_now()) continue;
    to->sites_paused++;
    to->sites_blocked += s->action == SHAPING_BLOCK;
  }
  for (struct destination *t = d->destinations; t; t = t->hh.next) {
    to->waiting_jobs += t->queue.count;
    for (struct connection *c = t->connections; c; c = c->next) to->idle_connections += connection_can_work(c);
  }
}

static bool records(const struct delivery *d) {
  return store_records(d->loop->gateway->store) && !outcomes_are_unkept(d->outcomes);
}

bool delivery_may_start(struct delivery *d) {
  bool may = records(d);
  if (!may) d->paused = true;
  return may;
}

/* What has waited for the store to record outcomes again. */
static void go_on(struct delivery *d) {
  if (!d->paused || !records(d)) return;
  d->paused = false;
  for (struct destination *t = d->destinations; t; t = t->hh.next) destination_wake(t);
}

void delivery_tick(struct delivery *d) {
  int64_t now = clock_now_us();
  go_on(d);
  for (struct destination *t = d->stopping ? NULL : d->destinations; t; t = t->hh.next) {
    if (t->queue.deadlines) destination_return_overdue(t, now);
    if (t->token_since_us) destination_wake(t);
  }
  if (!d->stopping) starved_tick(d);
  if (!d->stopping) sites_keep(d, false);
  if (!d->stopping) tls_keep(d, false);
  if (!d->stopping) sites_report_sources(d);
}

/* --- stopping --- */

static void on_timer_closed(uv_handle_t *timer) {
  struct delivery *d = timer->data;
  d->stopped(d->stopped_arg);
}

static void on_recheck(uv_timer_t *timer) {
  delivery_check_stopped(timer->data);
}

void delivery_check_stopped(struct delivery *d) {
  if (!d->stopping || d->stopped_called || d->destinations || d->calls || d->notes || !outcomes_is_empty(d->outcomes))
    return;
  if (!content_loader_idle(d->loader) || !converter_idle(d->loop->converter)) { /* nobody waits for it any more */
    uv_timer_start(&d->stop_timer, on_recheck, RECHECK_MS, 0);
    return;
  }
  if (tls_keep(d, true)) return; /* it comes again with what becomes of that */
  d->stopped_called = true;
  uv_close((uv_handle_t *)&d->stop_timer, on_timer_closed);
}

static void on_stop_time_up(uv_timer_t *timer) {
  struct delivery *d = timer->data;
  for (struct destination *t = d->destinations; t; t = t->hh.next) destination_abort(t);
  outcomes_abandon(d->outcomes);
  delivery_check_stopped(d);
}

void delivery_stop(struct delivery *d, void (*stopped)(void *arg), void *arg) {
  if (d->stopping) return;
  d->stopping = true;
  d->stopped = stopped;
  d->stopped_arg = arg;
  uv_timer_init(&d->loop->uv, &d->stop_timer);
  d->stop_timer.data = d;
  uv_timer_start(&d->stop_timer, on_stop_time_up, DELIVERY_STOP_MS, 0);
  sites_stop(d);
  races_stop(d);
  sites_keep(d, true);
  for (struct destination *t = d->destinations; t; t = t->hh.next) destination_stop(t);
  delivery_check_stopped(d);
}

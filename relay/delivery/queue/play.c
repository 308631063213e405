/* Mail that never leaves: to the simulator, which answers by itself, and of sandbox accounts, which is delivered to
 * nobody; its route is found out only to say where it would have gone. What comes of it is an outcome as any other. */
#include "base/clock.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/outcome/simulation.h"
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/route/router.h"
#include "relay/delivery/site/delivery.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define SLOW_MS 5000 /* how long slow@ takes */

struct play {
  struct job *job;
  uint64_t due_ms;
  struct play *prev, *next; /* in the order of their time */
};

/* --- the simulator --- */

static enum simulated simulated_at(const struct dispatcher *d, const struct job *j, size_t index) {
  return simulated_address(d->gateway->config->simulator, j->domain, j->recipients[index].to.address);
}

static void answer(struct dispatcher *d, struct job *j) {
  static const struct outcome_place here = {.host = SIMULATION_HOST, .source = "", .tls = ""};
  struct outcome *o = outcome_prepare(delivery_outcomes(d->loop->delivery), j);
  if (!o) {
    outcome_no_memory(d->gateway, j);
    return;
  }
  for (size_t i = 0; i < j->recipient_count; i++) {
    struct incident incident;
    simulate(simulated_at(d, j, i), j->recipients[i].attempts, &incident);
    outcome_rule(o, i, &incident);
  }
  outcome_commit(o, &here, 0);
}

struct choice {
  const struct dispatcher *dispatcher;
  const struct job *job;
};

static bool is_slow(void *arg, size_t index) {
  const struct choice *c = arg;
  return simulated_at(c->dispatcher, c->job, index) == SIMULATED_SLOW;
}

static bool take_time(struct dispatcher *d, struct job *j) {
  struct play *p = calloc(1, sizeof *p);
  if (!p) return false;
  p->job = j;
  p->due_ms = uv_now(&d->loop->uv) + SLOW_MS;
  DL_APPEND(d->plays, p);
  return true;
}

/* Those for slow@ take their time, and keep no other waiting. */
static void play_simulator(struct dispatcher *d, struct job *j) {
  struct choice choice = {d, j};
  size_t slow = 0;
  for (size_t i = 0; i < j->recipient_count; i++) slow += is_slow(&choice, i);
  struct job *rest = slow && slow < j->recipient_count ? job_split(j, is_slow, &choice) : NULL;
  if (slow && !rest && slow < j->recipient_count) {
    outcome_no_memory(d->gateway, j);
    return;
  }
  struct job *late = rest ? rest : slow ? j : NULL;
  if (late && !take_time(d, late)) outcome_no_memory(d->gateway, late);
  if (late != j) answer(d, j);
}

void play_tick(struct dispatcher *d) {
  struct play *p;
  while ((p = d->plays) && p->due_ms <= uv_now(&d->loop->uv)) {
    struct job *j = p->job;
    DL_DELETE(d->plays, p);
    free(p);
    answer(d, j);
  }
}

void play_stop(struct dispatcher *d) {
  struct play *p, *next;
  DL_FOREACH_SAFE(d->plays, p, next) {
    struct job *j = p->job;
    DL_DELETE(d->plays, p);
    free(p);
    job_finish(d->gateway, j, &(struct job_result){0});
  }
}

/* --- sandboxes --- */

#define HOW_TEXT 640

/* ", TLS required, verified by DANE"; a host's own rules, and no message's (RFC 8689). */
static const char *tls_phrase(const struct tls_demand *t) {
  bool verified = t->proof != TLS_UNVERIFIED;
  switch (t->by) {
  case TLS_RULE_DANE: return verified ? ", TLS required, verified by DANE" : ", TLS required by DANE, not verified";
  case TLS_RULE_STS: return ", TLS required, verified as its MTA-STS policy asks";
  case TLS_RULE_ROUTE:
    return !t->required ? ", without TLS"
           : verified   ? ", TLS required by its route, verified"
                        : ", TLS required by its route";
  case TLS_RULE_NONE: break;
  }
  return ", with TLS if it is offered";
}

/* The first address that the source can reach, of the best host. */
static void write_host(const struct route *route, const struct source *source, char *out, size_t size) {
  const struct route_host *h = &route->hosts[0];
  const struct sockaddr_storage *a = &h->addresses[0];
  struct sockaddr_storage from;
  char ip[IP_TEXT];
  int family = source && ip_parse(source->address, 0, &from) == OK ? from.ss_family : a->ss_family;
  for (size_t i = h->address_count; i-- > 0;)
    if (h->addresses[i].ss_family == family) a = &h->addresses[i];
  ip_format((const struct sockaddr *)a, ip);
  snprintf(out, size, "%.255s[%s]:%u", h->name, ip, ip_port((const struct sockaddr *)a));
}

static void write_way(struct dispatcher *d, const struct job *j, struct route *route, char out[HOW_TEXT]) {
  const struct source *source = NULL;
  struct reason why = {""};
  char host[340];
  int rc = leave_look(d, j, route, &source, &why);
  write_host(route, source, host, sizeof host);
  const char *from = source ? source->address : rc == OK ? "the address that the system chooses" : "";
  if (!*from)
    snprintf(out, HOW_TEXT, "would have waited for a source to %s: %.250s", host, why.text);
  else
    snprintf(out, HOW_TEXT, "would have been sent to %s from %s%s%s%s", host, from,
             rc == E_BUSY ? " (once its warm-up has room)" : "", tls_phrase(&route->hosts[0].tls),
             route->terms.login ? ", logged in" : "");
}

/* Whatever DNS says, and also when it says nothing: a trial is not lost to that. */
static void write_how(struct dispatcher *d, const struct job *j, struct route *route, char out[HOW_TEXT]) {
  bool waits = route->status == ROUTE_TEMPORARY || route->status == ROUTE_BROKEN;
  if (route->status == ROUTE_OK)
    write_way(d, j, route, out);
  else
    snprintf(out, HOW_TEXT, "would have %s: %.250s", waits ? "been tried again" : "been returned", route->why);
}

static void on_looked(void *arg, struct route *route) {
  static const struct outcome_place here = {.host = SANDBOX_HOST, .source = "", .tls = ""};
  struct job *j = arg;
  struct dispatcher *d = loop_current()->gateway->dispatcher;
  char how[HOW_TEXT];
  struct incident incident;
  if (!d) {
    job_free(&j);
    return;
  }
  if (d->draining) {
    job_finish(d->gateway, j, &(struct job_result){0});
    return;
  }
  write_how(d, j, route, how);
  simulate_sandbox(how, &incident);
  outcome_without_attempt(delivery_outcomes(d->loop->delivery), j, &incident, &here, 0);
}

bool play_takes(struct dispatcher *d, struct job *j) {
  const char *simulator = d->gateway->config->simulator;
  if (simulator && strcmp(simulator, j->domain) == 0) {
    play_simulator(d, j);
    return true;
  }
  if (!(j->envelope.flags & MESSAGE_SANDBOX)) return false;
  if (router_look(d->router, j->domain, dispatch_static_route(d, j), on_looked, j) != OK)
    outcome_no_memory(d->gateway, j);
  return true;
}

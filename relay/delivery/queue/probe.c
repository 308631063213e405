/* Mail whose site takes no connection: one job at a time finds out whether it does again, the others wait for it. */
#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/delivery.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/site/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- jobs --- */

/* The one reason in the log, for those that have none yet; it is no attempt. In the store it stays due: what it waits
 * for is known here alone, and a restart asks anew. */
static void explain(struct dispatcher *d, struct job *j, const struct outage *a, int64_t now) {
  static const struct outcome_place nowhere = {.host = "", .source = "", .tls = ""};
  struct incident i = {.stage = STAGE_ROUTE, .trouble = TROUBLE_PROBE, .local = true, .probe_us = now};
  char at[40];
  clock_format_iso(a->until_us, at, sizeof at);
  if (a->probing)
    snprintf(i.text, sizeof i.text, "waiting for the probe of %.100s, which is under way: %.100s", a->host, a->reason);
  else
    snprintf(i.text, sizeof i.text, "waiting for the probe of %.100s at %.19sZ: %.90s", a->host, at, a->reason);
  outcome_without_attempt(delivery_outcomes(d->loop->delivery), j, &i, &nowhere, 0);
}

static void wait_for_probe(struct dispatcher *d, struct job *j, const struct outage *a, int64_t now) {
  char name[LANE_TEXT];
  envelope_lane(&j->envelope, name);
  struct queue_lane *lane = schedule_find(&d->schedule, j->domain, name);
  if (lane) {
    schedule_wait(&d->schedule, lane, a->until_us);
    schedule_due(&d->schedule, lane, now);
    schedule_deadline(&d->schedule, lane, outcome_due_at(d->gateway->config, j, now));
  }
  if (!j->explained || outcome_is_due(d->gateway->config, j, now))
    explain(d, j, a, now);
  else
    job_finish(d->gateway, j, &(struct job_result){0});
}

bool probe_admits(struct dispatcher *d, struct job *j, const char *source, const char *site) {
  j->site_key = outage_key(source, site);
  struct outage *a = outages_find(&d->outages, source, site);
  int64_t now = clock_now_us();
  if (!a) return true;
  if (outage_may_probe(a, now)) {
    int64_t before = a->until_us;
    outage_probe_begins(a, now);
    schedule_move_waits(&d->schedule, before, a->until_us);
    j->probe = a->serial;
    return true;
  }
  wait_for_probe(d, j, a, now);
  return false;
}

static void release(struct dispatcher *d, const struct outage *a) {
  schedule_release(&d->schedule, a->key, a->until_us, a->rows_us, clock_now_us());
  dispatch_soon(d);
}

/* Whatever it was that kept it from an answer, it was not that nothing takes a connection. */
void probe_ends(struct dispatcher *d, const struct job *j) {
  struct outage old;
  if (j->probe && outages_probe_ended(&d->outages, j->probe, &old)) release(d, &old);
}

bool probe_still_awaited(const struct dispatcher *d, const struct queue_lane *lane, const struct job *j) {
  int64_t now = clock_now_us();
  return lane->waits_us > now && !outcome_is_due(d->gateway->config, j, now);
}

/* A time that no interval reaches is the end of a probe that is under way. */
static int64_t next_probe(const struct queue_lane *lane, int64_t now) {
  return lane->waits_us - now > OUTAGE_PROBE_US / 2 ? 0 : lane->waits_us;
}

void probe_each_wait(const struct dispatcher *d, void (*each)(void *arg, const struct delivery_attempt *a), void *arg) {
  size_t left = PROBE_WAITS_MAX;
  int64_t now = clock_now_us();
  for (const struct queue_domain *domain = d->schedule.domains; domain; domain = domain->hh.next)
    for (const struct queue_lane *lane = domain->lanes; lane; lane = lane->hh.next) {
      if (lane->waits_us <= now || !left) continue;
      left--;
      each(arg, &(struct delivery_attempt){.stage = "probe",
                                           .host = domain->name,
                                           .lane = lane->name,
                                           .since_us = now,
                                           .until_us = next_probe(lane, now)});
    }
}

/* --- what a destination has found out --- */

struct finding {
  struct loop_message message;
  bool failed;
  int64_t until_us;
  char source[IP_TEXT], host[256], reason[160];
  char site[];
};

static void take_failure(struct dispatcher *d, const struct finding *f) {
  const struct outage_report r = {f->source, f->site, f->host, f->reason, f->until_us};
  const struct outage *a = outages_find(&d->outages, f->source, f->site);
  int64_t before = a ? a->until_us : 0, now = clock_now_us();
  char span[40];
  bool kept = outages_failed(&d->outages, &r, now) != NULL;
  if (before) schedule_move_waits(&d->schedule, before, f->until_us);
  if (before || !kept) return;
  clock_format_span(f->until_us - now, span, sizeof span);
  log_event(LOG_INFO_, NULL, "site unreachable", "host", f->host, "source", *f->source ? f->source : "any", "reason",
            f->reason, "next", "its mail waits for one probe at a time", "in", span, NULL);
}

static void take_answer(struct dispatcher *d, const struct finding *f) {
  struct outage old;
  if (!outages_answered(&d->outages, f->source, f->site, &old)) return;
  log_event(LOG_INFO_, NULL, "site answers", "host", old.host, "source", *f->source ? f->source : "any", NULL);
  release(d, &old);
}

static void on_finding(struct loop *on, struct loop_message *m) {
  struct finding *f = (struct finding *)m;
  struct dispatcher *d = on->gateway->dispatcher;
  if (d && f->failed)
    take_failure(d, f);
  else if (d)
    take_answer(d, f);
  free(f);
}

static struct finding *finding_new(const char *source, const char *site) {
  size_t len = strlen(site);
  struct finding *f = calloc(1, sizeof *f + len + 1);
  if (!f) return NULL;
  f->message.run = on_finding;
  snprintf(f->source, sizeof f->source, "%s", source);
  memcpy(f->site, site, len);
  return f;
}

bool delivery_site_failed(struct gateway *g, const struct site_failure *failure) {
  struct finding *f = finding_new(failure->source, failure->site);
  if (!f) return false;
  f->failed = true;
  f->until_us = failure->until_us;
  snprintf(f->host, sizeof f->host, "%s", failure->host);
  snprintf(f->reason, sizeof f->reason, "%.159s", failure->reason);
  loop_post(g->loops[0], &f->message);
  return true;
}

void delivery_site_answered(struct gateway *g, const char *source, const char *site) {
  struct finding *f = finding_new(source, site);
  if (f) loop_post(g->loops[0], &f->message); /* else its mail waits for the next probe */
}

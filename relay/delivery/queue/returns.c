/* Mail that an operator has returned to its senders: RECIPIENT_RETURNING in the store, until the outcome is there. So
 * the order survives whatever happens to the gateway, or is carried out when it starts. What is under way ends its
 * attempt first, which may deliver it. */
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/queue/in_flight.h"
#include "relay/delivery/site/delivery.h"

#include <string.h>

#define RETURNS_AT_ONCE 200 /* recipients: each job of them makes a notice, with its message's header or all of it */

void returns_want(struct dispatcher *d) {
  d->returns.wanted = true;
  d->returns.after = 0;
}

void returns_tick(struct dispatcher *d) {
  if (!d->returns.left || d->returns.wanted) return;
  d->returns.left = false;
  returns_want(d);
}

bool returns_prepare(struct dispatcher *d) {
  if (!d->returns.wanted || d->returns.jobs) return false;
  struct pick *p = picker_prepare(d->picker, PICK_RETURNS);
  p->returns.after = d->returns.after;
  p->returns.limit = RETURNS_AT_ONCE;
  return true;
}

static void end_pass(struct dispatcher *d) {
  d->returns.wanted = false;
  d->returns.after = 0;
}

void returns_failed(struct dispatcher *d) {
  d->returns.left = true; /* at the next tick */
  end_pass(d);
}

void returns_end(struct dispatcher *d) {
  d->returns.jobs--;
}

static void rule(struct dispatcher *d, struct job *j) {
  static const struct outcome_place nowhere = {.host = "", .source = "", .tls = ""};
  struct outcome *o = outcome_prepare(delivery_outcomes(d->loop->delivery), j);
  d->returns.jobs++;
  if (!o) {
    d->returns.left = true;
    outcome_no_memory(d->gateway, j);
    return;
  }
  for (size_t i = 0; i < j->recipient_count; i++) {
    struct incident incident;
    incident_of_return(j->recipients[i].returned, &incident);
    outcome_rule(o, i, &incident);
  }
  outcome_commit(o, &nowhere, 0);
}

/* Takes the recipients that nothing else works on. False: none, and the job is gone. */
static bool take_up(struct dispatcher *d, struct job *j) {
  char name[LANE_TEXT];
  size_t count = j->recipient_count;
  envelope_lane(&j->envelope, name);
  struct queue_lane *lane = schedule_get(&d->schedule, j->domain, name);
  if (lane) in_flight_add(&d->schedule, lane, j);
  if (!lane || j->recipient_count < count) d->returns.left = true;
  if (lane && j->recipient_count) {
    j->by_command = true;
    dispatch_follow(j);
    return true;
  }
  job_free(&j);
  if (lane) schedule_tidy(&d->schedule, lane);
  return false;
}

/* One notice for a message, whatever its recipients' domains. */
static bool go_together(const struct job *j, const struct job *other) {
  return j->envelope.id == other->envelope.id && strcmp(j->envelope.pool, other->envelope.pool) == 0 &&
         j->clock_us == other->clock_us && j->recipient_count + other->recipient_count <= JOB_RECIPIENTS_MAX;
}

static size_t take_jobs(struct dispatcher *d, struct pick_returns *from) {
  struct job *current = NULL;
  size_t begun = 0;
  while (from->jobs) {
    struct job *j = from->jobs;
    from->jobs = j->next;
    j->next = NULL;
    if (!take_up(d, j)) continue;
    begun++;
    if (current && go_together(current, j) && job_join(current, &j)) continue;
    if (current) rule(d, current);
    current = j;
  }
  if (current) rule(d, current);
  return begun;
}

void returns_take(struct dispatcher *d, struct pick *p) {
  struct pick_returns *r = &p->returns;
  if (d->draining) return; /* clear() frees them */
  size_t begun = take_jobs(d, r);
  if (r->count < r->limit) {
    end_pass(d);
    return;
  }
  /* The last message may have more, which is read again; but never the same rows for nothing. */
  d->returns.after = r->first == r->last && !begun ? r->last : r->last - 1;
}

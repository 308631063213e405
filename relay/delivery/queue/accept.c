/* The way in: jobs handed over in memory, and what commands have changed. */
#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/delivery.h"
#include "relay/delivery/queue/dispatcher.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define CONTENT_MAX (64 * 1024 * 1024)       /* octets kept in memory for delivery; more is read from the store again */
#define HAND_OVER_US (DELIVERY_GRACE_US / 2) /* a hand-over that took longer might meet the reader's rows */

/* Left to the reader, which finds its rows when their grace is over. */
static void leave_to_reader(struct dispatcher *d, struct queue_lane *lane, struct job *j, int64_t due_us) {
  d->left += j->recipient_count;
  if (lane) schedule_due(&d->schedule, lane, due_us < job_deadline(j) ? due_us : job_deadline(j));
  if (lane) schedule_deadline(&d->schedule, lane, job_deadline(j));
  job_free(&j);
  dispatch_soon(d);
}

/* Its rows can be seen by the reader by then, or its time is over: then it must come from there. */
static bool is_late(const struct job *j, int64_t now) {
  return now > j->envelope.created_us + HAND_OVER_US || now >= job_deadline(j);
}

static bool has_room(const struct dispatcher *d, const struct queue_lane *lane, const struct job *j, int64_t now) {
  return d->started && !d->draining && lane->domain->paused_us <= now &&
         schedule_room(&d->schedule, lane) >= j->recipient_count;
}

static struct queue_lane *lane_of(struct dispatcher *d, const struct job *j) {
  char name[LANE_TEXT];
  envelope_lane(&j->envelope, name);
  return schedule_get(&d->schedule, j->domain, name);
}

/* One of at most JOB_RECIPIENTS_MAX. */
static void accept_job(struct dispatcher *d, struct job *j, int64_t not_before_us) {
  int64_t now = clock_now_us();
  struct queue_lane *lane = lane_of(d, j);
  if (lane && not_before_us > now)
    leave_to_reader(d, lane, j, not_before_us);
  else if (!lane || is_late(j, now) || !has_room(d, lane, j, now))
    leave_to_reader(d, lane, j, j->envelope.created_us + DELIVERY_GRACE_US);
  else {
    if (content_octets_held() > CONTENT_MAX) content_release(&j->content);
    d->handed_over += j->recipient_count;
    dispatch_start(d, lane, j);
  }
}

static bool beyond_one_job(void *arg, size_t index) {
  (void)arg;
  return index >= JOB_RECIPIENTS_MAX;
}

void dispatch_fresh(struct dispatcher *d, struct job *j, int64_t not_before_us) {
  while (j) {
    struct job *rest = j->recipient_count > JOB_RECIPIENTS_MAX ? job_split(j, beyond_one_job, NULL) : NULL;
    if (!rest && j->recipient_count > JOB_RECIPIENTS_MAX) /* no memory: in smaller pieces, later */
      leave_to_reader(d, lane_of(d, j), j, j->envelope.created_us + DELIVERY_GRACE_US);
    else
      accept_job(d, j, not_before_us);
    j = rest;
  }
}

static void on_accepted(struct loop *on, struct loop_message *m) {
  struct job *j = (struct job *)((char *)m - offsetof(struct job, post));
  if (on->gateway->dispatcher)
    dispatch_fresh(on->gateway->dispatcher, j, j->post_moment_us);
  else
    job_free(&j);
}

static bool is_listed_before(const struct recipient *recipients, size_t at) {
  for (size_t i = 0; i < at; i++)
    if (strcmp(recipients[i].domain, recipients[at].domain) == 0) return true;
  return false;
}

/* The recipients of the domain that `first` has, the first of that domain. NULL without memory. */
static struct job *job_of_domain(const struct envelope *e, const struct recipient *recipients, size_t count,
                                 size_t first) {
  struct job *j = job_new(e, recipients[first].domain);
  int rc = j ? OK : E_MEMORY;
  for (size_t i = first; rc == OK && i < count; i++)
    if (strcmp(recipients[i].domain, j->domain) == 0)
      rc = job_add_recipient(j, &(struct queued_recipient){.to = recipients[i]});
  if (rc != OK && j) job_free(&j);
  if (j) j->alone = j->recipient_count == count;
  return j;
}

void delivery_accept(struct gateway *g, const struct envelope *e, const struct recipient *recipients, size_t count,
                     struct content *content, int64_t not_before_us) {
  for (size_t i = 0; i < count; i++) {
    if (is_listed_before(recipients, i)) continue;
    struct job *j = job_of_domain(e, recipients, count, i);
    if (!j) continue; /* the reader of the queue finds the rows later */
    j->content = content ? content_hold(content) : NULL;
    j->post.run = on_accepted;
    j->post_moment_us = not_before_us;
    loop_post(g->loops[0], &j->post);
  }
}

/* --- commands --- */

struct poll_message {
  struct loop_message message;
  bool all;
  char domain[];
};

static void read_now(struct dispatcher *d, const char *name) {
  struct queue_domain *domain = schedule_find_domain(&d->schedule, name);
  if (!domain) return;
  schedule_pause(&d->schedule, domain, 0);
  outages_hurry(&d->outages, clock_now_us());
  for (struct queue_lane *lane = domain->lanes; lane; lane = lane->hh.next) {
    schedule_wait(&d->schedule, lane, 0);
    schedule_due(&d->schedule, lane, clock_now_us());
  }
}

static void on_poll(struct loop *on, struct loop_message *m) {
  struct poll_message *k = (struct poll_message *)m;
  struct dispatcher *d = on->gateway->dispatcher;
  if (d && !k->all) read_now(d, k->domain);
  if (d) d->list_wanted = true; /* there may be mail that nothing is known of */
  if (d) dispatch_soon(d);
  free(k);
}

void delivery_poll(struct gateway *g, const char *domain) {
  size_t len = domain ? strlen(domain) : 0;
  struct poll_message *k = calloc(1, sizeof *k + len + 1);
  if (!k) { /* the regular listing finds it */
    log_event(LOG_WARN_, NULL, "dispatch", "reason", "out of memory", NULL);
    return;
  }
  k->message.run = on_poll;
  k->all = !domain;
  if (domain) memcpy(k->domain, domain, len);
  loop_post(g->loops[0], &k->message);
}

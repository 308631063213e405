/* Reads the queue: lanes that are due, and the list of all of them, with one pick at a time. */
#include "base/log.h"
#include "relay/delivery/outcome/outcome.h"
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/queue/in_flight.h"

#include <stdlib.h>
#include <string.h>

#define PICK_RECIPIENTS 500            /* of one lane at once */
#define PICK_FAILED_US (5 * SECOND_US) /* to the next try, when the store cannot be read */
#define NO_ROOM_US SECOND_US

/* The lane was read in its pause, for a deadline: only what is too late is taken out of the queue. */
static bool wait_for_pause(struct dispatcher *d, struct queue_lane *lane, const struct job *j) {
  int64_t now = clock_now_us();
  bool probe = probe_still_awaited(d, lane, j);
  if ((lane->domain->paused_us <= now && !probe) || job_deadline(j) <= now) return false;
  schedule_due(&d->schedule, lane, now); /* which is when the pause ends */
  schedule_deadline(&d->schedule, lane, probe ? outcome_due_at(d->gateway->config, j, now) : job_deadline(j));
  return true;
}

static void take_jobs(struct dispatcher *d, struct queue_lane *lane, struct pick_rows *from) {
  while (from->jobs) {
    struct job *j = from->jobs;
    from->jobs = j->next;
    j->next = NULL;
    if (d->draining || !lane || wait_for_pause(d, lane, j)) {
      job_free(&j);
      continue;
    }
    d->read += j->recipient_count;
    dispatch_start(d, lane, j);
  }
}

static void take_rows(struct dispatcher *d, struct pick_rows *from, int64_t now) {
  struct queue_lane *lane = schedule_find(&d->schedule, from->domain, from->lane);
  take_jobs(d, lane, from);
  if (!lane) return;
  schedule_end_read(&d->schedule, lane);
  if (from->result != OK) {
    log_event(LOG_ERROR_, NULL, "queue not read", "domain", from->domain, "reason", result_text(from->result), NULL);
    schedule_due(&d->schedule, lane, now + PICK_FAILED_US);
  }
  if (from->more) lane->over_us = from->over_us;
  if (from->next_us != INT64_MAX) schedule_due(&d->schedule, lane, from->next_us);
  schedule_deadline(&d->schedule, lane, from->deadline_us);
  if (from->more) schedule_due(&d->schedule, lane, now);
  schedule_tidy(&d->schedule, lane);
}

/* The first list of a start also holds mail that was accepted in the last seconds before it: nothing is in flight, so
 * its grace is over. A list after a command ends pauses: a person has said "now". */
static void take_list(struct dispatcher *d, const struct pick *p, bool by_command) {
  if (by_command) outages_hurry(&d->outages, clock_now_us());
  for (size_t i = 0; i < p->lane_count; i++) {
    struct queue_lane *lane = schedule_get(&d->schedule, p->lanes[i].domain, p->lanes[i].lane);
    if (!lane) break;
    if (by_command && lane->domain->paused_us) schedule_pause(&d->schedule, lane->domain, 0);
    if (by_command && lane->waits_us) schedule_wait(&d->schedule, lane, 0);
    schedule_due(&d->schedule, lane, d->listed ? p->lanes[i].next_us : p->lanes[i].next_us - DELIVERY_GRACE_US);
  }
  d->listed = true;
  d->schedule.overflow = p->cut;
  d->listed_ms = uv_now(&d->loop->uv);
}

static void read_failed(struct dispatcher *d, const struct pick *p) {
  log_event(LOG_ERROR_, NULL, "queue not read", "reason", p->why.text[0] ? p->why.text : result_text(p->result), NULL);
  if (p->kind == PICK_LIST) d->listed_ms = 0; /* at the next tick again */
  if (p->kind == PICK_RETURNS) returns_failed(d);
}

static void take_generation(struct dispatcher *d, const struct pick *p) {
  bool changed = p->generation != d->generation;
  atomic_store(&d->gateway->queue_generation, p->generation);
  if (changed) returns_want(d);
  if (p->kind == PICK_LIST) take_list(d, p, changed);
  if (changed && p->kind != PICK_LIST)
    d->list_wanted = true; /* d->generation stays, so that the list knows why it was made */
  else
    d->generation = p->generation;
}

static void on_picked(void *arg, struct pick *p) {
  struct dispatcher *d = arg;
  if (d->freed) {
    dispatcher_forget(d);
    return;
  }
  int64_t now = clock_now_us();
  for (size_t i = 0; i < p->rows_count; i++) {
    if (p->result != OK) p->rows[i].result = p->result;
    take_rows(d, &p->rows[i], now);
  }
  if (p->kind == PICK_RETURNS && p->result == OK) returns_take(d, p);
  d->schedule.reading_all = false;
  in_flight_forget_ended(&d->schedule);
  if (p->result != OK)
    read_failed(d, p);
  else
    take_generation(d, p);
  dispatch_soon(d);
}

/* No room for its rows: the end of one of its own jobs makes some, or a moment does. */
static void put_off(struct dispatcher *d, struct queue_lane *lane, int64_t now) {
  lane->reading = false;
  lane->more = lane->in_flight > 0;
  if (!lane->more) schedule_due(&d->schedule, lane, now + NO_ROOM_US);
}

/* False: no room. */
static bool add_rows(struct dispatcher *d, struct pick *p, struct queue_lane *lane, size_t room) {
  char *name = room ? strdup(lane->domain->name) : NULL;
  if (!name) return false;
  struct pick_rows *rows = &p->rows[p->rows_count++];
  *rows = (struct pick_rows){
      .domain = name,
      .over_us = lane->over_us,
      .limit = (room < PICK_RECIPIENTS ? room : PICK_RECIPIENTS) + lane->in_flight + d->schedule.ended,
      .next_us = INT64_MAX,
      .deadline_us = INT64_MAX,
  };
  memcpy(rows->lane, lane->name, sizeof rows->lane);
  lane->over_us = 0;
  return true;
}

/* Lanes that are due now and have room go into the pick. */
static bool collect(struct dispatcher *d, struct pick *p) {
  struct schedule *s = &d->schedule;
  struct queue_lane *lane;
  p->now_us = clock_now_us();
  p->started_us = d->started_us;
  while ((lane = schedule_first(s)) && schedule_moment(lane) <= p->now_us && p->rows_count < PICK_LANES_MAX) {
    size_t room = schedule_room(s, lane);
    schedule_begin_read(s, lane, p->now_us);
    if (!add_rows(d, p, lane, room)) put_off(d, lane, p->now_us);
  }
  return p->rows_count > 0;
}

static void on_wake(uv_timer_t *timer) {
  reader_poll(timer->data);
}

static void arm(struct dispatcher *d) {
  struct queue_lane *lane = schedule_first(&d->schedule);
  int64_t at = lane ? schedule_moment(lane) : INT64_MAX;
  if (at == d->armed_us && uv_is_active((uv_handle_t *)&d->wake)) return;
  d->armed_us = at;
  if (!lane) {
    uv_timer_stop(&d->wake);
    return;
  }
  int64_t wait = at - clock_now_us();
  uv_timer_start(&d->wake, on_wake, wait > 0 ? (uint64_t)(wait / 1000) + 1 : 0, 0);
}

void reader_poll(struct dispatcher *d) {
  if (!d->started || d->draining || picker_busy(d->picker) || clock_watch(d)) return;
  bool list = d->list_wanted;
  if (list) {
    d->list_wanted = false;
    picker_prepare(d->picker, PICK_LIST);
  } else if (returns_prepare(d)) {
    d->schedule.reading_all = true;
  } else if (!collect(d, picker_prepare(d->picker, PICK_ROWS))) {
    arm(d);
    if (!d->poll_wanted) return;
    picker_prepare(d->picker, PICK_GENERATION);
  }
  d->poll_wanted = false;
  picker_run(d->picker, on_picked, d);
}

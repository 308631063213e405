#include "relay/delivery/site/job_queue.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LISTS (2 * JOB_PRIORITY_MAX + 1)

struct job_lane {
  struct turn turn;         /* the first, so that it is the lane */
  struct job *lists[LISTS]; /* by priority; each oldest first */
  size_t count;
  UT_hash_handle hh;
  char name[LANE_TEXT]; /* envelope_lane */
};

/* --- lanes --- */

static struct job_lane *lane_new(struct job_queue *q, const struct job *j, const char name[LANE_TEXT]) {
  struct job_lane *lane = calloc(1, sizeof *lane);
  if (!lane) return NULL;
  memcpy(lane->name, name, LANE_TEXT);
  lane->turn.stream = envelope_stream(&j->envelope);
  HASH_ADD_STR(q->table, name, lane);
  if (lane->hh.tbl) return lane;
  free(lane);
  return NULL;
}

/* The job's; made when it is not there, at the end of its ring. NULL without memory. */
static struct job_lane *lane_of(struct job_queue *q, const struct job *j) {
  char name[LANE_TEXT] = "";
  struct job_lane *lane = NULL;
  envelope_lane(&j->envelope, name);
  HASH_FIND_STR(q->table, name, lane);
  if (!lane && (lane = lane_new(q, j, name))) turns_add(&q->turns, &lane->turn);
  return lane;
}

static void lane_free(struct job_queue *q, struct job_lane *lane) {
  HASH_DEL(q->table, lane);
  turns_remove(&q->turns, &lane->turn);
  free(lane);
}

/* As time passes all of them gain alike, so the order of two never changes. */
static int64_t place(const struct job *j) {
  return j->queued_us - j->envelope.priority * JOB_PRIORITY_STEP_US;
}

static struct job **list_of(struct job_lane *lane, const struct job *j) {
  int priority = j->envelope.priority;
  if (priority > JOB_PRIORITY_MAX) priority = JOB_PRIORITY_MAX;
  if (priority < -JOB_PRIORITY_MAX) priority = -JOB_PRIORITY_MAX;
  return &lane->lists[priority + JOB_PRIORITY_MAX];
}

/* The first of these lists. */
static struct job **best_of(struct job *lists[LISTS]) {
  size_t best = LISTS;
  for (size_t i = LISTS; i-- > 0;)
    if (lists[i] && (best == LISTS || place(lists[i]) < place(lists[best]))) best = i;
  return &lists[best];
}

static int64_t cost_of(const struct job *j) {
  return j->recipient_count ? (int64_t)j->recipient_count : 1;
}

static struct job_lane *lane_next(struct job_queue *q) {
  return (struct job_lane *)turns_next(&q->turns);
}

/* --- jobs --- */

static void count_in(struct job_queue *q, struct job_lane *lane, const struct job *j) {
  q->count++;
  lane->count++;
  if (job_deadline(j) != INT64_MAX) q->deadlines++;
}

static struct job *take_out(struct job_queue *q, struct job_lane *lane, struct job *j) {
  DL_DELETE(*list_of(lane, j), j);
  j->next = j->prev = NULL;
  q->count--;
  if (job_deadline(j) != INT64_MAX) q->deadlines--;
  if (!--lane->count) lane_free(q, lane);
  return j;
}

int job_queue_add(struct job_queue *q, struct job *j, int64_t now_us) {
  struct job_lane *lane = lane_of(q, j);
  if (!lane) return E_MEMORY;
  j->queued_us = now_us;
  DL_APPEND(*list_of(lane, j), j);
  count_in(q, lane, j);
  return OK;
}

int job_queue_put_back(struct job_queue *q, struct job *j) {
  struct job_lane *lane = lane_of(q, j);
  if (!lane) return E_MEMORY;
  turns_refund(&q->turns, &lane->turn, cost_of(j));
  DL_PREPEND(*list_of(lane, j), j);
  count_in(q, lane, j);
  return OK;
}

const struct job *job_queue_first(struct job_queue *q) {
  struct job_lane *lane = lane_next(q);
  return lane ? *best_of(lane->lists) : NULL;
}

struct job *job_queue_take(struct job_queue *q) {
  struct job_lane *lane = lane_next(q);
  if (!lane) return NULL;
  struct job *j = *best_of(lane->lists);
  turns_pay(&q->turns, &lane->turn, cost_of(j));
  return take_out(q, lane, j);
}

struct job *job_queue_take_same(struct job_queue *q, const struct job *j, size_t most) {
  char name[LANE_TEXT] = "";
  struct job_lane *lane = NULL;
  size_t left = JOB_JOIN_SCAN;
  envelope_lane(&j->envelope, name);
  HASH_FIND_STR(q->table, name, lane);
  for (struct job *other = lane ? *list_of(lane, j) : NULL; other && left--; other = other->next) {
    if (!job_may_join(j, other, most)) continue;
    turns_pay(&q->turns, &lane->turn, cost_of(other));
    return take_out(q, lane, other);
  }
  return NULL;
}

struct job *job_queue_take_overdue(struct job_queue *q, int64_t now_us) {
  for (struct job_lane *lane = q->deadlines ? q->table : NULL; lane; lane = lane->hh.next)
    for (size_t i = 0; i < LISTS; i++)
      for (struct job *j = lane->lists[i]; j; j = j->next)
        if (job_deadline(j) <= now_us) return take_out(q, lane, j);
  return NULL;
}

void job_queue_each(const struct job_queue *q, void (*each)(void *arg, const struct job *j), void *arg) {
  for (const struct job_lane *lane = q->table; lane; lane = lane->hh.next)
    for (size_t i = 0; i < LISTS; i++)
      for (const struct job *j = lane->lists[i]; j; j = j->next) each(arg, j);
}

/* --- in order --- */

/* A lane that is gone through, without a job being taken. */
struct walk_lane {
  struct turn turn; /* the first */
  const struct job_lane *lane;
  struct job *rest[LISTS]; /* the first of each list that was not passed */
  size_t passed;
};

struct walk {
  struct turns turns;
  struct walk_lane *lanes;
  const struct walk_lane *most, *second; /* of which most was passed */
  size_t passed;
};

/* In the order of the rings: they decide. */
static int walk_begin(const struct job_queue *q, struct walk *w) {
  size_t count = 0;
  *w = (struct walk){.turns = {.bulk_due = q->turns.bulk_due},
                     .lanes = calloc(HASH_COUNT(q->table) + 1, sizeof *w->lanes)};
  if (!w->lanes) return E_MEMORY;
  for (size_t stream = 0; stream < STREAM_COUNT; stream++)
    for (const struct turn *t = q->turns.rings[stream]; t; t = t->next) {
      struct walk_lane *l = &w->lanes[count++];
      l->lane = (const struct job_lane *)t;
      l->turn = (struct turn){.stream = t->stream, .credit = t->credit};
      memcpy(l->rest, l->lane->lists, sizeof l->rest);
      turns_add(&w->turns, &l->turn);
    }
  return OK;
}

static void count_passed(struct walk *w, struct walk_lane *l) {
  w->passed++;
  l->passed++;
  if (l == w->most) return;
  if (!w->most || l->passed > w->most->passed) {
    w->second = w->most;
    w->most = l;
  } else if (l != w->second && (!w->second || l->passed > w->second->passed)) {
    w->second = l;
  }
}

static void tell(const struct walk *w, const struct walk_lane *l, const struct job *j, job_queue_visit *each,
                 void *arg) {
  const struct walk_lane *other = w->most == l ? w->second : w->most;
  struct job_ahead ahead = {.all = w->passed, .own = l->passed};
  if (other) {
    ahead.other = other->lane->name;
    ahead.of_other = other->passed;
  }
  each(arg, j, &ahead);
}

static void walk_step(struct walk *w, struct walk_lane *l, job_queue_visit *each, void *arg) {
  struct job **first = best_of(l->rest), *j = *first;
  tell(w, l, j, each, arg);
  *first = j->next;
  turns_pay(&w->turns, &l->turn, cost_of(j));
  count_passed(w, l);
  if (l->passed == l->lane->count) turns_remove(&w->turns, &l->turn);
}

int job_queue_in_order(const struct job_queue *q, job_queue_visit *each, void *arg) {
  struct walk w;
  struct turn *t;
  int rc = walk_begin(q, &w);
  if (rc != OK) return rc;
  while ((t = turns_next(&w.turns))) walk_step(&w, (struct walk_lane *)t, each, arg);
  free(w.lanes);
  return OK;
}

#include "relay/delivery/site/job_queue.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LISTS (2 * JOB_PRIORITY_MAX + 1)

struct job_lane {
  enum mail_stream stream;
  struct job *lists[LISTS]; /* by priority; each oldest first */
  size_t count;
  int64_t credit;               /* recipients that it may still send in its turn; below 0: turns that it owes */
  struct job_lane *next, *prev; /* of its ring */
  UT_hash_handle hh;
  char name[LANE_TEXT]; /* envelope_lane */
};

/* --- lanes --- */

static struct job_lane *lane_new(struct job_queue *q, const struct job *j, const char name[LANE_TEXT]) {
  struct job_lane *lane = calloc(1, sizeof *lane);
  if (!lane) return NULL;
  memcpy(lane->name, name, LANE_TEXT);
  lane->stream = envelope_stream(&j->envelope);
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
  if (!lane && (lane = lane_new(q, j, name))) DL_APPEND(q->rings[lane->stream], lane);
  return lane;
}

static void lane_free(struct job_queue *q, struct job_lane *lane) {
  HASH_DEL(q->table, lane);
  DL_DELETE(q->rings[lane->stream], lane);
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

static struct job *best_of(const struct job_lane *lane) {
  struct job *best = NULL;
  for (size_t i = LISTS; i-- > 0;)
    if (lane->lists[i] && (!best || place(lane->lists[i]) < place(best))) best = lane->lists[i];
  return best;
}

/* --- turns --- */

static int64_t cost_of(const struct job *j) {
  return j->recipient_count ? (int64_t)j->recipient_count : 1;
}

static enum mail_stream stream_next(const struct job_queue *q) {
  if (!q->rings[STREAM_BULK]) return STREAM_TRANSACTIONAL;
  return q->rings[STREAM_TRANSACTIONAL] && q->bulk_due < JOB_BULK_TURN - 1 ? STREAM_TRANSACTIONAL : STREAM_BULK;
}

static void rotate(struct job_lane **ring) {
  struct job_lane *first = *ring;
  DL_DELETE(*ring, first);
  DL_APPEND(*ring, first);
}

/* Moves on to the lane whose turn it is; NULL when the queue is empty. Each step pays for a recipient that was sent, so
 * there are no more steps than recipients. */
static struct job_lane *lane_next(struct job_queue *q) {
  struct job_lane **ring = &q->rings[stream_next(q)];
  if (!*ring) return NULL;
  if (!(*ring)->next) (*ring)->credit = 1; /* alone: nobody to give way to */
  while ((*ring)->credit <= 0) {
    if (++(*ring)->credit > 0) break;
    rotate(ring);
  }
  return *ring;
}

/* It has had a turn for this job; the next lane is to have one. */
static void pay(struct job_queue *q, struct job_lane *lane, const struct job *j) {
  lane->credit -= cost_of(j);
  if (lane->stream == STREAM_BULK)
    q->bulk_due = 0;
  else if (q->rings[STREAM_BULK])
    q->bulk_due++;
  if (lane->credit <= 0) rotate(&q->rings[lane->stream]);
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
  lane->credit += cost_of(j);
  DL_DELETE(q->rings[lane->stream], lane);
  DL_PREPEND(q->rings[lane->stream], lane);
  DL_PREPEND(*list_of(lane, j), j);
  count_in(q, lane, j);
  return OK;
}

const struct job *job_queue_first(struct job_queue *q) {
  const struct job_lane *lane = lane_next(q);
  return lane ? best_of(lane) : NULL;
}

struct job *job_queue_take(struct job_queue *q) {
  struct job_lane *lane = lane_next(q);
  if (!lane) return NULL;
  struct job *j = best_of(lane);
  pay(q, lane, j);
  return take_out(q, lane, j);
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

#include "relay/delivery/site/job_queue.h"

#include <utlist.h>

#define LISTS (2 * JOB_PRIORITY_MAX + 1)

static struct job **list_of(struct job_queue *q, const struct job *j) {
  int priority = j->envelope.priority;
  if (priority > JOB_PRIORITY_MAX) priority = JOB_PRIORITY_MAX;
  if (priority < -JOB_PRIORITY_MAX) priority = -JOB_PRIORITY_MAX;
  return &q->lists[priority + JOB_PRIORITY_MAX];
}

static void count_in(struct job_queue *q, const struct job *j) {
  q->count++;
  if (job_deadline(j) != INT64_MAX) q->deadlines++;
}

static struct job *take_out(struct job_queue *q, struct job **list, struct job *j) {
  DL_DELETE(*list, j);
  j->next = j->prev = NULL;
  q->count--;
  if (job_deadline(j) != INT64_MAX) q->deadlines--;
  return j;
}

void job_queue_add(struct job_queue *q, struct job *j, int64_t now_us) {
  struct job **list = list_of(q, j);
  j->queued_us = now_us;
  DL_APPEND(*list, j);
  count_in(q, j);
}

void job_queue_put_back(struct job_queue *q, struct job *j) {
  struct job **list = list_of(q, j);
  DL_PREPEND(*list, j);
  count_in(q, j);
}

/* As time passes all of them gain alike, so the order of two never changes. */
static int64_t place(const struct job *j) {
  return j->queued_us - j->envelope.priority * JOB_PRIORITY_STEP_US;
}

static struct job *const *best_of(const struct job_queue *q) {
  struct job *const *best = NULL;
  for (size_t i = LISTS; i-- > 0;)
    if (q->lists[i] && (!best || place(q->lists[i]) < place(*best))) best = &q->lists[i];
  return best;
}

const struct job *job_queue_first(const struct job_queue *q) {
  struct job *const *best = best_of(q);
  return best ? *best : NULL;
}

struct job *job_queue_take(struct job_queue *q) {
  struct job *const *best = best_of(q);
  return best ? take_out(q, &q->lists[best - q->lists], *best) : NULL;
}

struct job *job_queue_take_overdue(struct job_queue *q, int64_t now_us) {
  for (size_t i = 0; q->deadlines && i < LISTS; i++)
    for (struct job *j = q->lists[i]; j; j = j->next)
      if (job_deadline(j) <= now_us) return take_out(q, &q->lists[i], j);
  return NULL;
}

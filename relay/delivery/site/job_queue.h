/* The jobs that wait for a connection of their destination, in the order of MT-PRIORITY (RFC 6710). One loop's
 * thread.
 *
 * Each minute that a job has waited here counts as a step of priority, so that the lowest passes the highest that come
 * after 18 minutes: mail of high priority cannot starve the rest. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_JOB_QUEUE_H
#define SENDOFF_RELAY_DELIVERY_SITE_JOB_QUEUE_H

#include "base/clock.h"
#include "relay/delivery/job.h"

#define JOB_PRIORITY_MAX 9 /* and -9 the least */
#define JOB_PRIORITY_STEP_US (60 * SECOND_US)

struct job_queue {
  struct job *lists[2 * JOB_PRIORITY_MAX + 1]; /* by priority; each oldest first */
  size_t count;
  size_t deadlines; /* those with by-mode R */
};
void job_queue_add(struct job_queue *q, struct job *j, int64_t now_us);
/* One that was taken comes back to its place. */
void job_queue_put_back(struct job_queue *q, struct job *j);
/* The next, which stays; NULL. */
const struct job *job_queue_first(const struct job_queue *q);
/* The next, the caller's now; NULL. Constant time. */
struct job *job_queue_take(struct job_queue *q);
/* One whose sender wants it back by now; NULL. Goes through all of them, if any has a deadline. */
struct job *job_queue_take_overdue(struct job_queue *q, int64_t now_us);

#endif

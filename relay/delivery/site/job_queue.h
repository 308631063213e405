/* The jobs that wait for a connection of their destination, and whose turn it is (turns.h): each account has a lane for
 * each of its streams. One loop's thread.
 *
 * In a lane jobs go in the order of MT-PRIORITY (RFC 6710). Each minute that a job has waited here counts as a step of
 * priority, so that the lowest passes the highest that come after 18 minutes: mail of high priority cannot starve the
 * rest. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_JOB_QUEUE_H
#define SENDOFF_RELAY_DELIVERY_SITE_JOB_QUEUE_H

#include "base/clock.h"
#include "relay/delivery/job.h"
#include "relay/delivery/site/turns.h"

#define JOB_PRIORITY_MAX 9 /* and -9 the least */
#define JOB_PRIORITY_STEP_US (60 * SECOND_US)

struct job_lane;

struct job_queue { /* zeroed: empty */
  struct job_lane *table;
  struct turns turns;
  size_t count;
  size_t deadlines; /* jobs with by-mode R */
};

/* E_MEMORY: not added. */
int job_queue_add(struct job_queue *q, struct job *j, int64_t now_us);
/* One that was taken comes back to its place. E_MEMORY: it does not. */
int job_queue_put_back(struct job_queue *q, struct job *j);
/* The next, which stays; NULL. */
const struct job *job_queue_first(struct job_queue *q);
/* The next, the caller's now; NULL. */
struct job *job_queue_take(struct job_queue *q);
#define JOB_JOIN_SCAN 100 /* jobs that are gone through for it: those of one message come together */
/* One of the same message that may join it (job_may_join), the caller's now; NULL. It takes its turn, too. */
struct job *job_queue_take_same(struct job_queue *q, const struct job *j, size_t most);
/* One whose sender wants it back by now; NULL. Goes through all of them, if any has a deadline. */
struct job *job_queue_take_overdue(struct job_queue *q, int64_t now_us);
void job_queue_each(const struct job_queue *q, void (*each)(void *arg, const struct job *j), void *arg);

/* What has its turn before a job does, if nothing comes meanwhile. */
struct job_ahead {
  size_t all, own;   /* jobs; of its own lane */
  const char *other; /* the lane of others that has most of them (envelope_lane); NULL: only its own is ahead */
  size_t of_other;
};
typedef void job_queue_visit(void *arg, const struct job *j, const struct job_ahead *ahead);
/* All, in the order in which they would be taken; nothing changes. OK; E_MEMORY: none. */
int job_queue_in_order(const struct job_queue *q, job_queue_visit *each, void *arg);

#endif

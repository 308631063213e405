/* Checks that block on DNS (or on the database of users, which is in the network, too, on some machines), made on
 * libuv's pool for sessions that wait: any number of sessions wait for one job, so many run at once, each session waits
 * no longer than DNS_WAIT_MS. What is asked, and what is remembered, is the owner's (spf_gate.c, dmarc_gate.c,
 * local_peer.c). The loop's thread, unless said.
 *
 * No account (or local user) takes what others need: it has half of the jobs at most, never all threads, and of the
 * jobs that wait for one, the oldest of the account with the fewest is next. */
#ifndef SENDOFF_RELAY_SUBMISSION_DNS_JOBS_H
#define SENDOFF_RELAY_SUBMISSION_DNS_JOBS_H

#include "base/address/dns_answer.h"
#include "relay/net/loop.h"

#define DNS_WAIT_MS 8000

struct dns_job;
/* A session's place; part of the session, so that it can leave at any time. */
struct dns_wait {
  void (*done)(struct dns_wait *w, struct dns_job *j);
  struct dns_job *job; /* NULL while not waiting */
  struct dns_wait *next, **at;
};

/* The first member of the owner's job, which is allocated zeroed, and freed here. */
struct dns_job {
  int64_t account; /* whose mail it was started for; or a user's id */
  uv_work_t work;
  uv_timer_t timer;
  struct dns_jobs *jobs;
  struct dns_wait *waits;
  bool started, worked, late, timer_closed;
  struct dns_job *next, **at;
};

struct dns_job_calls {
  void (*work)(struct dns_job *j, const struct dns_source *dns); /* on the pool */
  /* It has worked, or (`late`) nobody waits any longer: the result is filled in and remembered. Then each wait is told.
   */
  void (*finish)(struct dns_job *j, bool late);
  void (*release)(struct dns_job *j); /* frees it */
};

struct dns_jobs {
  struct loop *loop;
  const struct dns_job_calls *calls;
  size_t threads;        /* of the pool, that it may have at once */
  struct dns_job *first; /* oldest first */
  size_t running;
};

#define DNS_JOBS_MAX 256 /* of one kind, on one loop, whether or not a session waits for them */

/* There are too many for another one of this account. */
bool dns_jobs_full(const struct dns_jobs *jobs, int64_t account);
/* A job that others may join while dns_job_open. Only where they are not full. */
void dns_job_start(struct dns_jobs *jobs, struct dns_job *j, int64_t account);
bool dns_job_open(const struct dns_job *j);
/* It has not worked in time: what it will write is nobody's to read. */
static inline bool dns_job_late(const struct dns_job *j) {
  return j->late;
}
void dns_job_join(struct dns_job *j, struct dns_wait *w);
void dns_wait_leave(struct dns_wait *w);

#endif

#include "relay/submission/dns_jobs.h"

#include "relay/net/resolver.h"

bool dns_jobs_full(const struct dns_jobs *jobs, int64_t account) {
  size_t all = 0, own = 0;
  for (const struct dns_job *j = jobs->first; j; j = j->next) {
    all++;
    own += j->account == account;
  }
  return all >= DNS_JOBS_MAX || own >= DNS_JOBS_MAX / 2;
}

void dns_wait_leave(struct dns_wait *w) {
  if (!w->at) return;
  *w->at = w->next;
  if (w->next) w->next->at = w->at;
  w->at = NULL;
  w->next = NULL;
  w->job = NULL;
}

static void answer_all(struct dns_job *j) {
  while (j->waits) {
    struct dns_wait *w = j->waits;
    dns_wait_leave(w);
    w->done(w, j);
  }
}

static void release_when_done(struct dns_job *j) {
  if (j->worked && j->timer_closed) j->jobs->calls->release(j);
}

static void on_timer_closed(uv_handle_t *handle) {
  struct dns_job *j = handle->data;
  j->timer_closed = true;
  release_when_done(j);
}

static void unlink_job(struct dns_job *j) {
  if (!j->at) return;
  *j->at = j->next;
  if (j->next) j->next->at = j->at;
  j->at = NULL;
}

bool dns_job_open(const struct dns_job *j) {
  return !uv_is_closing((const uv_handle_t *)&j->timer);
}

/* --- on the pool, and back --- */

static void work(uv_work_t *req) {
  struct dns_job *j = req->data;
  struct dns_source dns = {j->jobs->loop->gateway->resolver, resolver_lookup, resolver_release};
  j->jobs->calls->work(j, &dns);
}

static void start_next(struct dns_jobs *jobs);

static void worked(uv_work_t *req, int status) {
  struct dns_job *j = req->data;
  struct dns_jobs *jobs = j->jobs;
  (void)status;
  unlink_job(j);
  j->worked = true;
  jobs->running--;
  jobs->calls->finish(j, false);
  answer_all(j);
  if (dns_job_open(j)) uv_close((uv_handle_t *)&j->timer, on_timer_closed);
  release_when_done(j);
  start_next(jobs);
}

static void on_timer(uv_timer_t *timer) {
  struct dns_job *j = timer->data;
  uv_close((uv_handle_t *)timer, on_timer_closed); /* nobody joins it any more */
  j->late = true;
  j->jobs->calls->finish(j, true);
  answer_all(j);
  if (j->started) return;
  unlink_job(j); /* nobody waits for it any more */
  j->worked = true;
}

static size_t running_of(const struct dns_jobs *jobs, int64_t account) {
  size_t n = 0;
  for (const struct dns_job *j = jobs->first; j; j = j->next) n += j->started && j->account == account;
  return n;
}

/* The oldest that waits, of the account that has the fewest running; NULL: none may run now. `threads`: of which each
 * account leaves one to others. */
static struct dns_job *find_next(const struct dns_jobs *jobs, size_t threads) {
  struct dns_job *next = NULL;
  size_t least = threads > 1 ? threads - 1 : threads;
  for (struct dns_job *j = jobs->first; j && least; j = j->next) {
    size_t running = j->started ? least : running_of(jobs, j->account);
    if (running >= least) continue;
    least = running;
    next = j;
  }
  return next;
}

static void start_next(struct dns_jobs *jobs) {
  struct dns_job *j;
  while (jobs->running < jobs->threads && (j = find_next(jobs, jobs->threads))) {
    j->started = true;
    j->work.data = j;
    jobs->running++;
    if (uv_queue_work(&jobs->loop->uv, &j->work, work, worked) == 0) continue;
    jobs->running--; /* cannot happen with valid arguments; its timer answers it all the same */
    j->started = false;
    return;
  }
}

static void append(struct dns_jobs *jobs, struct dns_job *j) {
  struct dns_job **at = &jobs->first;
  while (*at) at = &(*at)->next;
  *at = j;
  j->at = at;
  j->next = NULL;
}

void dns_job_start(struct dns_jobs *jobs, struct dns_job *j, int64_t account) {
  j->jobs = jobs;
  j->account = account;
  uv_timer_init(&jobs->loop->uv, &j->timer);
  j->timer.data = j;
  uv_timer_start(&j->timer, on_timer, DNS_WAIT_MS, 0);
  append(jobs, j);
  start_next(jobs);
}

void dns_job_join(struct dns_job *j, struct dns_wait *w) {
  w->job = j;
  w->next = j->waits;
  w->at = &j->waits;
  if (w->next) w->next->at = &w->next;
  j->waits = w;
}

#include "relay/submission/spf_gate.h"

#include "base/address.h"
#include "policy/spf/spf_cache.h"
#include "relay/net/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_ENTRIES 20000
#define RUNNING_MAX                                                                                                    \
  4 /* checks on the pool at once, for each loop: slow DNS must leave threads for passwords and files */
#define WAITING_MAX 256
#define FAILURE_TTL 30 /* a DNS failure is believed for so many seconds */

struct checked_source {
  char address[IP_TEXT], helo[256];
  bool cached;
  struct spf_verdict verdict;
};

struct spf_check_job {
  uv_work_t work;
  uv_timer_t timer;
  struct spf_gate *gate;
  char reverse_path[ADDRESS_MAX + 1];
  struct checked_source sources[SOURCES_MAX];
  size_t count;
  struct spf_wait *waits;
  bool started, worked, timer_closed;
  struct spf_check_job *next, **at;
};

struct spf_gate {
  struct loop *loop;
  struct spf_cache *cache;
  struct spf_check_job *jobs;
  size_t running, waiting;
};

int spf_gate_new(struct loop *loop, struct spf_gate **out) {
  struct spf_gate *g = *out = calloc(1, sizeof *g);
  if (!g) return E_MEMORY;
  g->loop = loop;
  g->cache = spf_cache_new(CACHE_ENTRIES);
  if (!g->cache) spf_gate_free(out);
  return *out ? OK : E_MEMORY;
}

void spf_gate_free(struct spf_gate **at) {
  struct spf_gate *g = *at;
  *at = NULL;
  if (!g) return;
  spf_cache_free(&g->cache);
  free(g);
}

/* Of all that were checked. */
static void rank(const struct spf_check_job *j, struct source_rank *out) {
  const struct spf_verdict *verdicts[SOURCES_MAX];
  for (size_t i = 0; i < j->count; i++) verdicts[i] = &j->sources[i].verdict;
  source_rank(verdicts, j->count, out);
}

void spf_gate_leave(struct spf_wait *w) {
  if (!w->at) return;
  *w->at = w->next;
  if (w->next) w->next->at = w->at;
  w->job->gate->waiting--;
  w->at = NULL;
  w->next = NULL;
  w->job = NULL;
}

static void answer_all(struct spf_check_job *j, const struct source_rank *r) {
  while (j->waits) {
    struct spf_wait *w = j->waits;
    spf_gate_leave(w);
    w->done(w, r);
  }
}

static void work(uv_work_t *req) {
  struct spf_check_job *j = req->data;
  struct dns_source dns = {j->gate->loop->gateway->resolver, resolver_lookup, resolver_release};
  for (size_t i = 0; i < j->count; i++) {
    struct checked_source *s = &j->sources[i];
    if (!s->cached) spf_check(&dns, s->address, j->reverse_path, s->helo, &s->verdict);
  }
}

static void start_next(struct spf_gate *g);

static void free_when_done(struct spf_check_job *j) {
  if (j->worked && j->timer_closed) free(j);
}

static void on_timer_closed(uv_handle_t *handle) {
  struct spf_check_job *j = handle->data;
  j->timer_closed = true;
  free_when_done(j);
}

static void unlink_job(struct spf_check_job *j) {
  if (!j->at) return;
  *j->at = j->next;
  if (j->next) j->next->at = j->at;
  j->at = NULL;
}

static void worked(uv_work_t *req, int status) {
  struct spf_check_job *j = req->data;
  struct spf_gate *g = j->gate;
  (void)status;
  int64_t now = clock_now_us();
  for (size_t i = 0; i < j->count; i++) {
    struct checked_source *s = &j->sources[i];
    if (s->verdict.result == SPF_TEMPERROR) s->verdict.ttl = FAILURE_TTL;
    if (!s->cached) spf_cache_put(g->cache, s->address, j->reverse_path, s->helo, &s->verdict, now);
  }
  unlink_job(j);
  j->worked = true;
  g->running--;
  struct source_rank r;
  rank(j, &r);
  answer_all(j, &r);
  if (!uv_is_closing((uv_handle_t *)&j->timer)) uv_close((uv_handle_t *)&j->timer, on_timer_closed);
  free_when_done(j);
  start_next(g);
}

static void on_timer(uv_timer_t *timer) {
  struct spf_check_job *j = timer->data;
  struct spf_verdict late = {.result = SPF_TEMPERROR, .ttl = FAILURE_TTL};
  bytes_copy(bytes_of(j->sources[0].address), late.source, sizeof late.source);
  snprintf(late.why, sizeof late.why, "DNS did not answer in time");
  for (size_t i = 0; i < j->count; i++) /* the next message need not wait for the same silence */
    spf_cache_put(j->gate->cache, j->sources[i].address, j->reverse_path, j->sources[i].helo, &late, clock_now_us());
  struct source_rank r = {.best = late, .count = j->count};
  answer_all(j, &r);
  if (!j->started) { /* nobody waits for it any more */
    unlink_job(j);
    j->worked = true;
  }
  uv_close((uv_handle_t *)timer, on_timer_closed);
}

static void start_next(struct spf_gate *g) {
  for (struct spf_check_job *j = g->jobs; j && g->running < RUNNING_MAX; j = j->next) {
    if (j->started) continue;
    j->started = true;
    j->work.data = j;
    g->running++;
    if (uv_queue_work(&g->loop->uv, &j->work, work, worked) !=
        0) { /* cannot happen with valid arguments; answered all the same */
      g->running--;
      j->started = false;
      return;
    }
  }
}

static struct spf_check_job *find_job(struct spf_gate *g, const char *reverse_path, const struct source *first) {
  for (struct spf_check_job *j = g->jobs; j; j = j->next)
    if (strcmp(j->reverse_path, reverse_path) == 0 && strcmp(j->sources[0].address, first->address) == 0 &&
        !uv_is_closing((uv_handle_t *)&j->timer))
      return j;
  return NULL;
}

/* Fills in what the cache knows; true when it knows all. */
static bool fill(struct spf_gate *g, struct spf_check_job *j, const struct source *sources, size_t count,
                 const char *reverse_path) {
  bool all = true;
  int64_t now = clock_now_us();
  bytes_copy(bytes_of(reverse_path), j->reverse_path, sizeof j->reverse_path);
  j->count = count < SOURCES_MAX ? count : SOURCES_MAX;
  for (size_t i = 0; i < j->count; i++) {
    struct checked_source *s = &j->sources[i];
    bytes_copy(bytes_of(sources[i].address), s->address, sizeof s->address);
    bytes_copy(bytes_of(sources[i].helo), s->helo, sizeof s->helo);
    const struct spf_verdict *v = spf_cache_find(g->cache, s->address, reverse_path, s->helo, now);
    s->cached = v != NULL;
    if (v) s->verdict = *v;
    all = all && v;
  }
  return all;
}

static struct spf_check_job *job_new(struct spf_gate *g) {
  struct spf_check_job *j = calloc(1, sizeof *j);
  if (!j) return NULL;
  j->gate = g;
  return j;
}

static void job_start(struct spf_gate *g, struct spf_check_job *j) {
  uv_timer_init(&g->loop->uv, &j->timer);
  j->timer.data = j;
  uv_timer_start(&j->timer, on_timer, SPF_WAIT_MS, 0);
  j->next = g->jobs;
  j->at = &g->jobs;
  if (j->next) j->next->at = &j->next;
  g->jobs = j;
}

static bool answer_now(struct spf_wait *w, enum spf_result result, const char *why) {
  struct source_rank r = {.best = {.result = result}};
  bytes_copy(bytes_of(why), r.best.why, sizeof r.best.why);
  w->done(w, &r);
  return true;
}

bool spf_gate_ask(struct spf_gate *g, const struct directory *d, const char *pool, const char *reverse_path,
                  struct spf_wait *w) {
  size_t count;
  const struct source *sources = directory_pool(d, pool, &count);
  if (!count)
    return answer_now(w, SPF_NONE, "no source address is configured; add one: sendoff source add ADDRESS --helo NAME");
  struct spf_check_job *j = find_job(g, reverse_path, sources);
  if (!j) {
    j = job_new(g);
    if (!j) return answer_now(w, SPF_TEMPERROR, "out of memory");
    if (fill(g, j, sources, count, reverse_path)) {
      struct source_rank r;
      rank(j, &r);
      free(j);
      w->done(w, &r);
      return true;
    }
    if (g->waiting >= WAITING_MAX) {
      free(j);
      return answer_now(w, SPF_TEMPERROR, "too many SPF checks are waiting for DNS");
    }
    job_start(g, j);
  }
  w->job = j;
  w->next = j->waits;
  w->at = &j->waits;
  if (w->next) w->next->at = &w->next;
  j->waits = w;
  g->waiting++;
  start_next(g);
  return false;
}

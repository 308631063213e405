#include "relay/submission/spf_gate.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "policy/spf/spf_cache.h"
#include "relay/net/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_ENTRIES 20000
#define FAILURE_TTL 30 /* a DNS failure is believed for so many seconds */

struct checked_source {
  char address[IP_TEXT], helo[256]; /* the address that the world sees */
  bool cached;
  struct spf_verdict verdict;
};

struct spf_job {
  struct dns_job base;
  struct spf_gate *gate;
  char reverse_path[ADDRESS_MAX + 1];
  char first[IP_TEXT]; /* the first source's own address: it is in one pool only */
  struct checked_source sources[SOURCES_MAX];
  size_t count, total; /* that are asked about, of the pool's */
};

struct spf_gate {
  struct dns_jobs jobs;
  struct spf_cache *cache;
};

/* --- a job --- */

static void work(struct dns_job *base, const struct dns_source *dns) {
  struct spf_job *j = (struct spf_job *)base;
  uint64_t deadline = clock_monotonic_ms() + SPF_CHECK_MS; /* of all its sources: it has a thread until then */
  for (size_t i = 0; i < j->count; i++) {
    struct checked_source *s = &j->sources[i];
    if (!s->cached) spf_check_until(dns, s->address, j->reverse_path, s->helo, deadline, &s->verdict);
  }
}

static void set_late(struct checked_source *s) {
  s->verdict = (struct spf_verdict){.result = SPF_TEMPERROR};
  bytes_copy(bytes_of(s->address), s->verdict.source, sizeof s->verdict.source);
  snprintf(s->verdict.why, sizeof s->verdict.why, "DNS did not answer in time");
}

/* A late job still works: what the next message is told is kept apart from what it writes. */
static void remember(const struct spf_job *j, const struct checked_source *s) {
  struct spf_verdict v = s->verdict;
  if (v.result == SPF_TEMPERROR) v.ttl = FAILURE_TTL; /* the next message need not wait for the same silence */
  if (!s->cached) spf_cache_put(j->gate->cache, s->address, j->reverse_path, s->helo, &v, clock_now_us());
}

static void finish(struct dns_job *base, bool late) {
  struct spf_job *j = (struct spf_job *)base;
  for (size_t i = 0; i < j->count; i++) {
    if (late) {
      struct checked_source unknown = {.cached = false}; /* the verdict is still the pool's to write */
      memcpy(unknown.address, j->sources[i].address, sizeof unknown.address);
      memcpy(unknown.helo, j->sources[i].helo, sizeof unknown.helo);
      set_late(&unknown);
      remember(j, &unknown);
    } else {
      remember(j, &j->sources[i]);
    }
  }
}

static void release(struct dns_job *base) {
  free(base);
}

/* Of all that were checked. */
static void rank(const struct spf_job *j, struct source_rank *out) {
  const struct spf_verdict *verdicts[SOURCES_MAX];
  for (size_t i = 0; i < j->count; i++) verdicts[i] = &j->sources[i].verdict;
  source_rank(verdicts, j->count, j->total, out);
}

/* --- the gate --- */

int spf_gate_new(struct loop *loop, struct spf_gate **out) {
  static const struct dns_job_calls calls = {work, finish, release};
  struct spf_gate *g = *out = calloc(1, sizeof *g);
  if (!g) return E_MEMORY;
  g->jobs = (struct dns_jobs){.loop = loop, .calls = &calls, .threads = pool_dns_threads(loop->gateway->loop_count)};
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

static struct spf_job *find_job(struct spf_gate *g, const char *reverse_path, const struct source *first) {
  for (struct dns_job *base = g->jobs.first; base; base = base->next) {
    struct spf_job *j = (struct spf_job *)base;
    if (strcmp(j->reverse_path, reverse_path) == 0 && strcmp(j->first, first->address) == 0 && dns_job_open(base))
      return j;
  }
  return NULL;
}

/* Those of a pool that SPF is asked about: what no mail leaves from anyway decides nothing. */
struct candidates {
  const struct source *source[SOURCES_MAX];
  size_t count, total;
};

static void add_candidate(struct candidates *c, const struct source *s) {
  if (c->count < SOURCES_MAX) c->source[c->count++] = s;
  c->total++;
}

/* None, when the pool has no source; all, when none of them may be used (so the mail waits). */
static void find_candidates(const struct directory *d, const char *pool, struct candidates *out) {
  size_t count;
  const struct source *sources = directory_pool(d, pool, &count);
  out->count = out->total = 0;
  for (size_t i = 0; i < count; i++)
    if (source_may_be_used(&sources[i])) add_candidate(out, &sources[i]);
  for (size_t i = 0, none = !out->count; none && i < count; i++) add_candidate(out, &sources[i]);
}

/* Fills in what the cache knows; true when it knows all. */
static bool fill(struct spf_gate *g, struct spf_job *j, const struct candidates *c, const char *reverse_path) {
  bool all = true;
  int64_t now = clock_now_us();
  bytes_copy(bytes_of(reverse_path), j->reverse_path, sizeof j->reverse_path);
  j->gate = g;
  j->total = c->total;
  j->count = c->count;
  bytes_copy(bytes_of(c->source[0]->address), j->first, sizeof j->first);
  for (size_t i = 0; i < j->count; i++) {
    struct checked_source *s = &j->sources[i];
    bytes_copy(bytes_of(source_public(c->source[i])), s->address, sizeof s->address);
    bytes_copy(bytes_of(c->source[i]->helo), s->helo, sizeof s->helo);
    const struct spf_verdict *v = spf_cache_find(g->cache, s->address, reverse_path, s->helo, now);
    s->cached = v != NULL;
    if (v) s->verdict = *v;
    all = all && v;
  }
  return all;
}

static bool answer_now(struct spf_wait *w, enum spf_result result, const char *why) {
  struct source_rank r = {.best = {.result = result}};
  bytes_copy(bytes_of(why), r.best.why, sizeof r.best.why);
  w->done(w, &r);
  return true;
}

static void done(struct dns_wait *base, struct dns_job *job) {
  struct spf_wait *w = (struct spf_wait *)base;
  struct source_rank r;
  if (dns_job_late(job)) {
    answer_now(w, SPF_TEMPERROR, "DNS did not answer in time");
    return;
  }
  rank((struct spf_job *)job, &r);
  w->done(w, &r);
}

bool spf_gate_ask(struct spf_gate *g, const struct spf_question *q, struct spf_wait *w) {
  struct candidates c;
  find_candidates(q->directory, q->pool, &c);
  if (!c.count)
    return answer_now(w, SPF_NONE, "no source address is configured; add one: sendoff source add ADDRESS --helo NAME");
  struct spf_job *j = find_job(g, q->reverse_path, c.source[0]);
  if (!j) {
    j = calloc(1, sizeof *j);
    if (!j) return answer_now(w, SPF_TEMPERROR, "out of memory");
    bool known = fill(g, j, &c, q->reverse_path);
    if (known || dns_jobs_full(&g->jobs, q->account)) {
      struct source_rank r;
      rank(j, &r);
      free(j);
      if (!known) return answer_now(w, SPF_TEMPERROR, "too many SPF checks are waiting for DNS");
      w->done(w, &r);
      return true;
    }
    dns_job_start(&g->jobs, &j->base, q->account);
  }
  w->base.done = done;
  dns_job_join(&j->base, &w->base);
  return false;
}

#include "relay/submission/dmarc_gate.h"

#include "base/clock.h"
#include "base/hash.h"
#include "relay/message/signing.h"
#include "relay/net/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_ENTRIES 2000 /* of 6 KB */
#define KEY_TEXT 900
#define LATE_TTL 30 /* seconds for which it is believed that DNS does not answer in time */

/* What one answer rests on; the key of both the cache and the jobs. */
struct remembered {
  struct dmarc_prediction prediction;
  int64_t ends_us;
  UT_hash_handle hh;
  char key[KEY_TEXT];
};

/* Who signs, and by what it is remembered. */
struct subject {
  const struct domain *domain;
  const struct signing_key *keys[SIGNER_KEYS_MAX];
  size_t key_count;
  char key[KEY_TEXT];
};

struct dmarc_job {
  struct dns_job base;
  struct dmarc_gate *gate;
  struct directory *directory; /* held: the keys are its */
  struct subject subject;
  char author[DOMAIN_MAX + 1];
  struct spf_verdict spf;
  struct dmarc_prediction prediction;
};

struct dmarc_gate {
  struct dns_jobs jobs;
  struct remembered *cache; /* uthash keeps the order in which they came */
};

/* --- the cache --- */

static void drop(struct dmarc_gate *g, struct remembered *r) {
  HASH_DEL(g->cache, r);
  free(r);
}

static struct remembered *find(struct dmarc_gate *g, const char *key) {
  struct remembered *r;
  HASH_FIND_STR(g->cache, key, r);
  if (!r || r->ends_us > clock_now_us()) return r;
  drop(g, r);
  return NULL;
}

/* Without memory it is asked again next time. */
static void remember(struct dmarc_gate *g, const char *key, const struct dmarc_prediction *p) {
  struct remembered *r = find(g, key);
  if (!r && HASH_COUNT(g->cache) >= CACHE_ENTRIES) drop(g, g->cache);
  if (!r) {
    r = calloc(1, sizeof *r);
    if (!r) return;
    strcpy(r->key, key);
    HASH_ADD_STR(g->cache, key, r);
    if (!r->hh.tbl) {
      free(r);
      return;
    }
  }
  r->prediction = *p;
  r->ends_us = clock_now_us() + (int64_t)p->ttl * SECOND_US;
}

/* --- a job --- */

static void work(struct dns_job *base, const struct dns_source *dns) {
  struct dmarc_job *j = (struct dmarc_job *)base;
  struct dmarc_signature signatures[SIGNER_KEYS_MAX];
  struct key_verdict verdicts[SIGNER_KEYS_MAX];
  uint64_t deadline = clock_monotonic_ms() + DMARC_PREDICT_MS;
  for (size_t i = 0; i < j->subject.key_count; i++) {
    const struct signing_key *k = j->subject.keys[i];
    key_check(dns, k->selector, j->subject.domain->name, k->algorithm, k->public_base64, deadline, &verdicts[i]);
    signatures[i] =
        (struct dmarc_signature){j->subject.domain->name, k->selector, k->algorithm, k->public_base64, &verdicts[i]};
  }
  const struct dmarc_facts facts = {
      .author = j->author, .spf = &j->spf, .signatures = signatures, .signature_count = j->subject.key_count};
  dmarc_predict_until(dns, &facts, deadline, &j->prediction);
}

/* The next message need not wait for the same silence. The job's own prediction is still the pool's to write. */
static void remember_late(struct dmarc_job *j) {
  struct dmarc_prediction *p = calloc(1, sizeof *p);
  if (!p) return;
  p->now.result = p->old.result = DMARC_TEMPERROR;
  p->ttl = LATE_TTL;
  snprintf(p->why, sizeof p->why,
           "whether this mail would pass the DMARC policy of %.100s is not known: DNS did not "
           "answer in time",
           j->author);
  remember(j->gate, j->subject.key, p);
  free(p);
}

static void finish(struct dns_job *base, bool late) {
  struct dmarc_job *j = (struct dmarc_job *)base;
  if (late)
    remember_late(j);
  else
    remember(j->gate, j->subject.key, &j->prediction);
}

static void release(struct dns_job *base) {
  struct dmarc_job *j = (struct dmarc_job *)base;
  directory_release(&j->directory);
  free(j);
}

static void done(struct dns_wait *base, struct dns_job *job) {
  struct dmarc_wait *w = (struct dmarc_wait *)base;
  w->done(w, dns_job_late(job) ? NULL : &((struct dmarc_job *)job)->prediction);
}

/* --- the gate --- */

int dmarc_gate_new(struct loop *loop, struct dmarc_gate **out) {
  static const struct dns_job_calls calls = {work, finish, release};
  struct dmarc_gate *g = *out = calloc(1, sizeof *g);
  if (!g) return E_MEMORY;
  g->jobs = (struct dns_jobs){.loop = loop, .calls = &calls, .threads = pool_dns_threads(loop->gateway->loop_count)};
  return OK;
}

void dmarc_gate_free(struct dmarc_gate **at) {
  struct dmarc_gate *g = *at;
  *at = NULL;
  if (!g) return;
  while (g->cache) drop(g, g->cache);
  free(g);
}

/* False: there is more of it than a key holds. */
static bool make_key(const struct dmarc_question *q, struct subject *of) {
  char *out = of->key;
  int n = snprintf(out, KEY_TEXT, "%s %d %s %s %s", q->author, (int)q->spf->result, q->spf->domain, q->spf->source,
                   of->domain ? of->domain->name : "");
  for (size_t i = 0; i < of->key_count && n > 0 && n < KEY_TEXT; i++)
    n += snprintf(out + n, KEY_TEXT - (size_t)n, " %lld", (long long)of->keys[i]->id);
  return n > 0 && n < KEY_TEXT;
}

static struct dmarc_job *find_job(struct dmarc_gate *g, const char *key) {
  for (struct dns_job *base = g->jobs.first; base; base = base->next)
    if (strcmp(((struct dmarc_job *)base)->subject.key, key) == 0 && dns_job_open(base))
      return (struct dmarc_job *)base;
  return NULL;
}

static struct dmarc_job *start(struct dmarc_gate *g, const struct dmarc_question *q, const struct subject *of) {
  if (dns_jobs_full(&g->jobs, q->account)) return NULL;
  struct dmarc_job *j = calloc(1, sizeof *j);
  if (!j) return NULL;
  j->gate = g;
  j->directory = directory_hold(q->directory);
  j->subject = *of;
  bytes_copy(bytes_of(q->author), j->author, sizeof j->author);
  j->spf = *q->spf;
  dns_job_start(&g->jobs, &j->base, q->account);
  return j;
}

bool dmarc_gate_ask(struct dmarc_gate *g, const struct dmarc_question *q, struct dmarc_wait *w) {
  struct subject of;
  of.key_count = signing_keys(q->directory, q->author, q->stream, &of.domain, of.keys);
  bool keyed = make_key(q, &of);
  struct remembered *known = keyed ? find(g, of.key) : NULL;
  struct dmarc_job *j = keyed && !known ? find_job(g, of.key) : NULL;
  if (keyed && !known && !j) j = start(g, q, &of);
  if (!j || !q->wait) {
    w->done(w, known ? &known->prediction : NULL);
    return true;
  }
  w->base.done = done;
  dns_job_join(&j->base, &w->base);
  return false;
}

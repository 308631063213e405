#include "relay/delivery/route/sts_policies.h"

#include "base/log.h"
#include "relay/delivery/route/sts_domain.h"
#include "relay/net/pool.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define SCAN_US (10 * SECOND_US) /* between two scans for what is to be fetched anew */

static uint32_t any_number(void) {
  uint32_t n;
  random_bytes(&n, sizeof n);
  return n;
}

/* --- what is done for a domain --- */

/* What mail waits for goes first, and finds some of the threads free. */
static struct sts_domain *next_fetch(const struct sts_policies *s) {
  struct sts_domain *d;
  if (s->tasks >= POOL_FETCHES) return NULL;
  for (d = s->queue; d && !d->waiters;) d = d->next_fetch;
  return d ? d : s->tasks < POOL_FETCHES / 2 ? s->queue : NULL;
}

/* Mail has waited for it for too long: it is fetched with the next, else slow web servers would be asked for hours. */
static bool was_given_up(const struct sts_domain *d) {
  return !d->waiters && !d->state.policy && sts_state_waits(&d->state, clock_now_us());
}

static void start_fetches(struct sts_policies *s) {
  struct sts_domain *d;
  while (!atomic_load(&s->until_ms) && (d = next_fetch(s))) {
    LL_DELETE2(s->queue, d, next_fetch);
    d->fetching = !was_given_up(d) && sts_task_start(d);
    if (!d->fetching) sts_answer(d); /* without memory */
  }
}

static void log_bad_record(struct sts_domain *d, bool bad, const char *why) {
  if (bad && !d->bad) log_event(LOG_INFO_, NULL, "mta-sts record not used", "domain", d->name, "reason", why, NULL);
  d->bad = bad;
}

static void take_record(struct sts_domain *d, const struct dns_answer *a) {
  char id[STS_ID_MAX + 1];
  struct reason why;
  int64_t now_us = clock_now_us();
  if (a->status == DNS_FAILED) {
    sts_state_record_failed(&d->state, now_us);
    return;
  }
  int rc = sts_record_read(a, id, &why);
  log_bad_record(d, rc == E_SYNTAX, why.text);
  sts_state_take_record(&d->state, id, a->ttl, now_us);
}

static void advance(struct sts_domain *d);

static void on_record(void *arg, const struct dns_answer *a) {
  struct sts_domain *d = arg;
  struct sts_policies *s = d->owner;
  d->asking = false;
  s->questions--;
  take_record(d, a);
  if (s->freed)
    sts_check_idle(s);
  else
    advance(d);
}

static void ask_record(struct sts_domain *d) {
  static const struct dns_answer none = {.status = DNS_NXDOMAIN, .ttl = 3600};
  char name[256];
  if (!sts_record_name(d->name, name)) {
    take_record(d, &none); /* DNS cannot have it */
  } else if (resolver_ask(d->owner->resolver, name, ns_t_txt, on_record, d) == OK) {
    d->asking = true;
    d->owner->questions++;
  } else {
    sts_state_record_failed(&d->state, clock_now_us());
  }
}

/* DNS first, then the web server; and whoever needs not wait for that goes on. */
static void advance(struct sts_domain *d) {
  struct sts_policies *s = d->owner;
  if (!d->asking && !d->fetching && !atomic_load(&s->until_ms)) {
    if (sts_state_record_due(&d->state, clock_now_us())) ask_record(d);
    if (!d->asking && sts_state_fetch_due(&d->state, clock_now_us())) {
      d->fetching = true;
      LL_APPEND2(s->queue, d, next_fetch);
    }
  }
  if (!sts_must_wait(d, clock_now_us())) sts_answer(d);
  start_fetches(s);
}

/* --- what was fetched --- */

static void log_policy(const struct sts_domain *d, const struct sts_policy *old) {
  const struct sts_policy *p = d->state.policy;
  struct log_line l;
  if (sts_policy_same(p, old)) return;
  log_begin(&l, LOG_INFO_, NULL, old ? "mta-sts policy changed" : "mta-sts policy found");
  log_str(&l, "domain", d->name);
  log_str(&l, "mode", sts_mode_name(p->mode));
  log_str(&l, "id", d->state.id);
  log_str(&l, "mx", p->mx_count ? p->mx[0] : "");
  log_int(&l, "mx_count", (int64_t)p->mx_count);
  log_int(&l, "max_age", p->max_age);
  log_end(&l);
}

static void take_policy(struct sts_domain *d, struct sts_policy *p, const char *id) {
  struct sts_policies *s = d->owner;
  struct sts_policy *old = sts_policy_hold(d->state.policy);
  s->octets -= sts_octets(d);
  sts_state_take_policy(&d->state, p, id, clock_now_us(), any_number());
  s->octets += sts_octets(d);
  sts_list_remove(d);
  sts_list_add(d, true);
  log_policy(d, old);
  sts_policy_release(&old);
  sts_store_post(d);
}

/* RFC 8461 5.1: somebody should know when a policy cannot be fetched anew. */
static void take_failure(struct sts_domain *d, enum sts_failure failure, const char *id, const struct reason *why) {
  int64_t now_us = clock_now_us();
  const struct sts_policy *p = sts_state_policy(&d->state, now_us);
  sts_state_take_failure(&d->state, failure, id, now_us, any_number());
  d->owner->failed++;
  struct log_line l;
  log_begin(&l, p && p->mode != STS_MODE_NONE ? LOG_WARN_ : LOG_INFO_, NULL, "mta-sts fetch failed");
  log_str(&l, "domain", d->name);
  log_str(&l, "result", sts_failure_name(failure));
  log_str(&l, "reason", why->text);
  log_str(&l, "mail", p ? "goes by the policy that is known" : "goes without a policy");
  log_int(&l, "again_s", (d->state.again_us - now_us) / SECOND_US);
  log_end(&l);
}

void sts_fetched(struct sts_domain *d, const char *id, struct sts_policy *policy, enum sts_failure failure,
                 const struct reason *why) {
  struct sts_policies *s = d->owner;
  d->fetching = false;
  if (s->freed) {
    sts_policy_release(&policy);
    return;
  }
  if (policy)
    take_policy(d, policy, id);
  else if (failure != STS_FAILURE_NONE || !atomic_load(&s->until_ms)) /* without a kind: no memory */
    take_failure(d, failure ? failure : STS_FETCH_ERROR, id, why);
  sts_answer(d);
  sts_make_room(s);
  start_fetches(s);
}

/* --- what callers ask --- */

void sts_policies_find(struct sts_policies *s, const char *domain,
                       void (*done)(void *arg, const struct sts_finding *found), void *arg) {
  static const struct sts_finding nothing;
  struct sts_domain *d = sts_domain_of(s, domain);
  if (!d || !sts_add_waiter(d, done, arg)) {
    done(arg, &nothing);
    return;
  }
  d->used_us = clock_now_us();
  sts_list_remove(d);
  sts_list_add(d, d->known);
  advance(d);
  sts_make_room(s);
}

struct sts_policy *sts_policies_known(struct sts_policies *s, const char *domain) {
  struct sts_domain *d;
  HASH_FIND_STR(s->table, domain, d);
  return d ? sts_state_policy(&d->state, clock_now_us()) : NULL;
}

void sts_policies_recall(struct sts_policies *s, const struct sts_note *n) {
  struct sts_policy *p;
  struct reason why;
  int64_t now_us = clock_now_us();
  if (n->until_us <= now_us || sts_policy_read(bytes_of(n->text), &p, &why) != OK) return;
  struct sts_domain *d = sts_domain_of(s, n->domain);
  if (!d || d->state.policy) {
    sts_policy_release(&p);
    return;
  }
  sts_state_take_policy(&d->state, p, n->id, n->fetched_us, any_number());
  d->used_us = n->used_us;
  d->known = true;
  s->octets += sts_octets(d);
  s->other_count--;
  s->known_count++;
  DL_DELETE(s->others, d);
  DL_PREPEND(s->known, d); /* the store gives those first that were used last */
}

void sts_policies_count(const struct sts_policies *s, uint64_t *known, uint64_t *failed) {
  int64_t now_us = clock_now_us();
  for (const struct sts_domain *d = s->known; d; d = d->next) *known += sts_state_policy(&d->state, now_us) != NULL;
  *failed += s->failed;
}

/* --- each second --- */

static void end_waits(struct sts_policies *s, uint64_t now_ms) {
  struct sts_domain *d, *next;
  if (!s->waiting) return;
  s->walking = true;
  HASH_ITER(hh, s->table, d, next) {
    if (d->waiters && now_ms - d->waiting_ms >= STS_WAIT_MS) sts_answer(d);
  }
  s->walking = false;
}

/* RFC 8461 5.1, 10.2: ahead of the end, and not only when mail comes. Behind what mail waits for. */
static void refresh(struct sts_policies *s, int64_t now_us) {
  struct sts_domain *d, *next;
  size_t left = s->queue ? 0 : POOL_FETCHES;
  DL_FOREACH_SAFE(s->known, d, next) {
    if (d->unkept) sts_store_post(d);
    if (!left || sts_is_busy(d) || now_us - d->used_us > STS_UNUSED_US) continue;
    if (!sts_state_refresh_due(&d->state, now_us)) continue;
    if (!sts_state_record_due(&d->state, now_us) && !sts_state_fetch_due(&d->state, now_us)) continue;
    advance(d);
    left--;
  }
}

void sts_policies_tick(struct sts_policies *s, int64_t now_us, uint64_t now_ms) {
  end_waits(s, now_ms);
  if (now_us - s->scanned_us < SCAN_US && now_us >= s->scanned_us) return;
  s->scanned_us = now_us;
  if (!atomic_load(&s->until_ms)) refresh(s, now_us);
}

/* --- life --- */

struct sts_policies *sts_policies_new(struct loop *loop, struct resolver *resolver, const struct dns_source *dns,
                                      void (*idle)(void *arg), void *arg) {
  struct sts_policies *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->loop = loop;
  s->resolver = resolver;
  s->dns = *dns;
  s->idle = idle;
  s->arg = arg;
  return s;
}

bool sts_policies_idle(const struct sts_policies *s) {
  return !s->tasks && !s->posted;
}

void sts_check_idle(struct sts_policies *s) {
  struct sts_domain *d, *next;
  if (!sts_policies_idle(s)) return;
  if (!s->freed) {
    s->idle(s->arg);
    return;
  }
  if (s->questions) return; /* the resolver answers them, at its end at the latest */
  HASH_ITER(hh, s->table, d, next) {
    sts_drop(d);
  }
  free(s);
}

void sts_policies_stop(struct sts_policies *s) {
  struct sts_domain *d, *next;
  if (!atomic_load(&s->until_ms)) atomic_store(&s->until_ms, clock_monotonic_ms());
  LL_FOREACH_SAFE2(s->queue, d, next, next_fetch) {
    LL_DELETE2(s->queue, d, next_fetch);
    d->fetching = false;
  }
  s->walking = true;
  HASH_ITER(hh, s->table, d, next) {
    sts_answer(d);
  }
  s->walking = false;
}

void sts_policies_free(struct sts_policies **at) {
  struct sts_policies *s = *at;
  *at = NULL;
  if (!s) return;
  sts_policies_stop(s);
  s->freed = true;
  sts_check_idle(s);
}

/* One fetch of a policy, on libuv's pool. */
#include "base/address/address_kind.h"
#include "relay/delivery/route/sts_domain.h"
#include "relay/net/dns_until.h"

#include <stdio.h>
#include <stdlib.h>

/* The pool's thread has all but the domain. */
struct task {
  uv_work_t work;
  struct sts_policies *owner;
  struct sts_domain *domain;
  char name[256], id[STS_ID_MAX + 1];
  struct sts_policy *policy;
  enum sts_failure failure;
  struct reason why;
};

/* As for next hops: whoever names an address in DNS has no business with what is on this machine alone. */
static bool may_connect(void *arg, const struct sockaddr *address) {
  const struct sts_policies *s = arg;
  enum address_kind kind = address_kind_of(address);
  return kind == ADDRESS_HOST || (kind == ADDRESS_LOOPBACK && s->loop->gateway->config->local_next_hops);
}

static void work(uv_work_t *req) {
  struct task *t = req->data;
  struct sts_policies *s = t->owner;
  struct dns_until until = {s->dns, &s->until_ms};
  const struct dns_source dns = dns_until(&until);
  const struct https h = {.dns = &dns,
                          .trust = s->loop->gateway->config->https_trust,
                          .until_ms = &s->until_ms,
                          .may_connect = may_connect,
                          .arg = s};
  sts_fetch(&h, t->name, &t->policy, &t->failure, &t->why);
}

static void worked(uv_work_t *req, int status) {
  struct task *t = req->data;
  struct sts_policies *s = t->owner;
  (void)status;
  s->tasks--;
  if (!t->policy && atomic_load(&s->until_ms)) t->failure = STS_FAILURE_NONE; /* cut by us: no failure of theirs */
  sts_fetched(t->domain, t->id, t->policy, t->failure, &t->why);
  free(t);
  sts_check_idle(s);
}

bool sts_task_start(struct sts_domain *d) {
  struct task *t = calloc(1, sizeof *t);
  if (!t) return false;
  t->work.data = t;
  t->owner = d->owner;
  t->domain = d;
  snprintf(t->name, sizeof t->name, "%s", d->name);
  snprintf(t->id, sizeof t->id, "%s", d->state.announced);
  if (uv_queue_work(&d->owner->loop->uv, &t->work, work, worked) != 0) {
    free(t);
    return false;
  }
  d->owner->tasks++;
  return true;
}

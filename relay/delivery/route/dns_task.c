#include "relay/delivery/route/dns_task.h"

/* A question of a gateway that stops is not asked: its end would wait for the answer. */
static void lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  struct dns_task *t = arg;
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (!atomic_load(&t->stopped)) t->dns.lookup(t->dns.arg, name, type, out);
}

static void release(void *arg, struct dns_answer *answer) {
  struct dns_task *t = arg;
  if (answer->records || answer->owner) t->dns.release(t->dns.arg, answer);
}

static void work(uv_work_t *req) {
  struct dns_task *t = req->data;
  const struct dns_source dns = {t, lookup, release};
  t->run(t->owner, &dns);
}

static void worked(uv_work_t *req, int status) {
  struct dns_task *t = req->data;
  (void)status;
  t->busy = false;
  if (t->freed)
    t->forget(t->owner);
  else if (!atomic_load(&t->stopped))
    t->done(t->owner);
}

bool dns_task_ready(const struct dns_task *t) {
  return !t->busy && !atomic_load(&t->stopped);
}

bool dns_task_start(struct dns_task *t) {
  if (!dns_task_ready(t)) return false;
  t->work.data = t;
  t->busy = uv_queue_work(&t->loop->uv, &t->work, work, worked) == 0;
  return t->busy;
}

void dns_task_stop(struct dns_task *t) {
  atomic_store(&t->stopped, true);
}

void dns_task_free(struct dns_task *t) {
  dns_task_stop(t);
  t->freed = true;
  if (!t->busy) t->forget(t->owner);
}

#include "relay/net/dns_task.h"

#include "relay/net/dns_until.h"

static void work(uv_work_t *req) {
  struct dns_task *t = req->data;
  struct dns_until until = {t->dns, &t->until_ms};
  const struct dns_source dns = dns_until(&until);
  t->run(t->owner, &dns);
}

static void worked(uv_work_t *req, int status) {
  struct dns_task *t = req->data;
  (void)status;
  t->busy = false;
  if (t->freed)
    t->forget(t->owner);
  else if (!atomic_load(&t->until_ms))
    t->done(t->owner);
}

bool dns_task_ready(const struct dns_task *t) {
  return !t->busy && !atomic_load(&t->until_ms);
}

bool dns_task_start(struct dns_task *t) {
  if (!dns_task_ready(t)) return false;
  t->work.data = t;
  t->busy = uv_queue_work(&t->loop->uv, &t->work, work, worked) == 0;
  return t->busy;
}

void dns_task_stop(struct dns_task *t) {
  atomic_store(&t->until_ms, 1);
}

void dns_task_free(struct dns_task *t) {
  dns_task_stop(t);
  t->freed = true;
  if (!t->busy) t->forget(t->owner);
}

#include "relay/delivery/site/job_fit.h"

struct fit {
  const struct job *job;
  const struct ehlo *offers;
  struct incident *why;
};

static bool unfit(void *arg, size_t index) {
  struct fit *f = arg;
  return transaction_recipient_obstacle(f->job->recipients[index].to.address, f->offers, f->why);
}

struct job *job_take_unfit(struct job *j, const struct ehlo *e, struct incident *why) {
  struct incident scratch;
  struct fit f = {j, e, &scratch};
  size_t count = 0;
  for (size_t i = 0; i < j->recipient_count; i++) count += unfit(&f, i);
  if (!count || count == j->recipient_count) return NULL;
  f.why = why;
  return job_split(j, unfit, &f);
}

static bool beyond(void *arg, size_t index) {
  const struct fit *f = arg;
  return index >= f->offers->recipient_max;
}

struct job *job_take_excess(struct job *j, const struct ehlo *e) {
  struct fit f = {j, e, NULL};
  if (!e->recipient_max || j->recipient_count <= e->recipient_max) return NULL;
  return job_split(j, beyond, &f);
}

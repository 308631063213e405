#include "relay/delivery/route/dane_search.h"

#include <stdlib.h>

struct search {
  struct dane_search plan;
  struct tlsa_search steps;
};

static void on_answer(void *arg, const struct dns_answer *answer);

static void ask(struct search *s) {
  static const struct dns_answer none = {.status = DNS_FAILED};
  const char *name;
  int type;
  while (tlsa_search_question(&s->steps, &name, &type)) {
    if (resolver_ask(s->plan.resolver, name, type, on_answer, s) == OK) return;
    tlsa_search_take(&s->steps, &none);
  }
  s->plan.done(s->plan.arg, &s->steps.found);
  free(s);
}

static void on_answer(void *arg, const struct dns_answer *answer) {
  struct search *s = arg;
  tlsa_search_take(&s->steps, answer);
  ask(s);
}

void dane_search_start(const struct dane_search *plan) {
  struct search *s = calloc(1, sizeof *s);
  if (!s) {
    plan->done(plan->arg, &(struct dane_finding){.status = DANE_FAILED, .ttl = UINT32_MAX});
    return;
  }
  s->plan = *plan;
  tlsa_search_begin(&s->steps, &plan->of);
  s->plan.of = (struct tlsa_subject){0}; /* its strings are the caller's */
  ask(s);
}

/* What the other loops post to the dispatcher, and it to them; and what the store recalls. */
#include "relay/delivery/queue/dispatcher.h"
#include "relay/delivery/route/source_success.h"
#include "relay/delivery/route/sts_policies.h"
#include "relay/delivery/route/token_renewal.h"
#include "relay/delivery/route/warmup_watch.h"
#include "relay/delivery/site/delivery.h"
#include "relay/delivery/site/site_name.h"

#include <stdio.h>
#include <stdlib.h>

struct source_gone {
  struct loop_message message;
  char address[IP_TEXT];
};

static void on_source_gone(struct loop *on, struct loop_message *m) {
  struct source_gone *s = (struct source_gone *)m;
  if (on->delivery) delivery_source_gone(on->delivery, s->address);
  free(s);
}

void dispatcher_source_gone(void *arg, const char *address) {
  const struct dispatcher *d = arg;
  for (size_t i = 0; i < d->gateway->loop_count; i++) {
    struct source_gone *s = calloc(1, sizeof *s);
    if (!s) return; /* its connections end when their time is over */
    s->message.run = on_source_gone;
    snprintf(s->address, sizeof s->address, "%s", address);
    loop_post(d->gateway->loops[i], &s->message);
  }
}

void delivery_recall_policy(struct gateway *g, const struct sts_note *n) {
  if (g->dispatcher->watches.policies) sts_policies_recall(g->dispatcher->watches.policies, n);
}

struct token_refused {
  struct loop_message message;
  int64_t login, token_from_us;
};

static void on_token_refused(struct loop *on, struct loop_message *m) {
  struct token_refused *t = (struct token_refused *)m;
  struct dispatcher *d = on->gateway->dispatcher;
  if (d) token_renewal_refused(d->watches.tokens, t->login, t->token_from_us);
  free(t);
}

void delivery_token_refused(struct gateway *g, int64_t login, int64_t token_from_us) {
  struct token_refused *t = calloc(1, sizeof *t);
  if (!t) return; /* it is refused again */
  t->message.run = on_token_refused;
  t->login = login;
  t->token_from_us = token_from_us;
  loop_post(g->loops[0], &t->message);
}

void delivery_recall_warmup(struct gateway *g, const struct warmup_note *n) {
  warmup_watch_recall(g->dispatcher->watches.warmups, n, clock_now_us());
}

struct source_fares {
  struct loop_message message;
  struct learnt_share taken;
  char site[SITE_NAME_MAX], source[IP_TEXT];
};

static void on_source_fares(struct loop *on, struct loop_message *m) {
  struct source_fares *f = (struct source_fares *)m;
  struct dispatcher *d = on->gateway->dispatcher;
  if (d) source_success_set(d->watches.success, f->site, f->source, f->taken);
  free(f);
}

void delivery_source_fares(struct gateway *g, const char *site, const char *source, struct learnt_share taken) {
  struct source_fares *f = calloc(1, sizeof *f);
  if (!f) return; /* it is reported again */
  f->message.run = on_source_fares;
  f->taken = taken;
  snprintf(f->site, sizeof f->site, "%s", site);
  snprintf(f->source, sizeof f->source, "%s", source);
  loop_post(g->loops[0], &f->message);
}

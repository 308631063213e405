#include "cli/explain/explain_parts.h"

#include "base/clock.h"
#include "policy/source_use.h"

#include <stdio.h>
#include <string.h>

#define CHECKS_END 40 /* where a check's text begins */

static void print_checks(const struct explained *e, const struct finding *found) {
  for (size_t i = 0; i < policy_check_count; i++) {
    char text[DETAIL_TEXT];
    explain_detail(e, &found[i], text);
    printf("  %-15s %-8s ", found[i].check->name, explain_mode(&found[i]));
    if (!*text) {
      puts(explain_outcome(&found[i]));
      continue;
    }
    printf("%-12s ", explain_outcome(&found[i]));
    if (output_width()) {
      print_wrapped(text, CHECKS_END, CHECKS_END, false);
      continue;
    }
    print_safe(text); /* a program reads it: a line for each */
    putchar('\n');
  }
}

static void print_limits(const struct explained *e) {
  bool any = false;
  for (size_t i = 0; i < e->facts.scope_count; i++)
    for (size_t k = 0; k < e->scopes[i].limit_count; k++) {
      const struct limit *l = &e->scopes[i].limits[k];
      char used[32];
      limit_quantity(l, limit_used(l, &e->usages[i]), used, sizeof used);
      printf("  %-15s %s: %s used\n", usage_scope_label(&e->scopes[i]), l->text, used);
      any = true;
    }
  if (!any) puts("  none");
}

static const char *use_text(const struct explained *e, const struct source *s) {
  if (!source_may_be_used(s)) return "not used, its name is not confirmed";
  if (!*e->rank.preferred || source_listed(e->rank.preferred, source_public(s))) return "used";
  return source_use_is_bound(&e->facts, &e->rank) ? "not used, it would fail an enforced check"
                                                  : "used when no other can be";
}

static void print_sources(const struct explained *e, const json_t *warmups) {
  if (!e->source_count) printf("  the system chooses: the pool %s has no sources\n", e->pool);
  for (size_t i = 0; i < e->source_count; i++) {
    printf("  %-39s SPF %s: %s\n", e->sources[i].address, spf_result_name(e->spf[i].result),
           use_text(e, &e->sources[i]));
    explain_warmup_print(warmups, &e->sources[i]);
  }
}

static void print_signatures(const struct explained *e) {
  if (!e->key_count) printf("  none: no key for %s; sendoff domain add %s\n", e->author, e->author);
  for (size_t i = 0; i < e->key_count; i++)
    printf("  d=%s s=%s: published key %s\n", e->signing_domain->name, e->keys[i]->selector,
           published_key_name(e->published[i].state));
}

static void print_route(const struct static_route *r) {
  char text[STATIC_ROUTE_TEXT];
  printf("  by the route of mail to %s%s%s%s%s: ", r->to, *r->account ? " of the account " : "", r->account,
         *r->sender ? " from " : "", r->sender);
  print_safe(static_route_text(r, text));
  printf(", TLS: %s%s", route_tls_name(r->tls), r->implicit_tls ? ", from the start" : "");
  if (*r->user) printf(", logged in as ");
  if (*r->user) print_safe(r->user);
  putchar('\n');
}

static const char *no_hosts_text(const struct explained *e) {
  if (e->mx_status == DNS_FAILED) return dns_failure(e->mx_bogus);
  return e->mx_status == DNS_FOUND ? "its MX records name no host" : "there is no such domain";
}

static void print_hosts(const struct explained *e, const struct expected *x) {
  if (e->route) print_route(e->route);
  explain_tls_print_policy(e);
  if (e->mx.null_mx)
    printf("  %s takes no mail (null MX)\n", e->recipient_domain);
  else if (!e->mx.count)
    printf("  %s: %s\n", e->recipient_domain, no_hosts_text(e));
  for (size_t i = 0; i < e->mx.count; i++) {
    printf("  %u ", e->mx.hosts[i].preference);
    print_safe(e->mx.hosts[i].name);
    if (explained_port(e) != 25) printf(":%u", explained_port(e));
    puts(explain_names_host(e, e->mx.hosts[i].name) ? "" : ", which that policy does not name");
    explain_tls_print(e, i, x->table_tls);
  }
  explain_tls_print_required(e);
}

static void print_way(const struct explained *e, struct explain_history *h, const struct expected *x) {
  char delay[40];
  if (e->facts.simulated)
    printf("  the simulator, in the gateway itself: mail to it %s\n", simulated_phrase(e->facts.simulated));
  else
    print_hosts(e, x);
  if (e->facts.account->sandbox && !e->facts.simulated)
    puts("  nothing is sent: the account is a sandbox, so this is where it would go");
  clock_format_span(explain_usual_delay_us(h), delay, sizeof delay);
  printf("  in the last 7 days: %zu delivered, %zu deferred, %zu bounced%s%s\n", h->delivered, h->deferred, h->bounced,
         h->delay_count ? "; usually after " : "",
         !h->delay_count                         ? ""
         : explain_usual_delay_us(h) < SECOND_US ? "under 1s"
                                                 : delay);
}

/* What puts it off for longest, or holds it; NULL: it leaves at once. */
static const struct finding *find_delay(const struct explained *e, const struct finding *found) {
  const struct finding *out = NULL;
  int64_t latest_us = 0;
  for (size_t i = 0; i < policy_check_count; i++) {
    if (found[i].outcome == OUTCOME_HOLD && found[i].mode == CHECK_ENFORCE) return &found[i];
    int64_t us = explain_leaves_us(e, &found[i]);
    if (us <= latest_us) continue;
    latest_us = us;
    out = &found[i];
  }
  return out;
}

static void print_accepted(const struct explained *e, const struct finding *found) {
  const struct finding *delay = find_delay(e, found);
  char text[DETAIL_TEXT];
  printf("accepted, as %s mail of the pool %s%s\n", stream_name(e->facts.stream), e->pool,
         e->facts.account->sandbox ? "; sandbox: it is not sent" : "");
  if (!delay) return;
  explain_detail(e, delay, text);
  printf("  ");
  print_safe(text);
  putchar('\n');
}

void explain_print(const struct explained *e, const struct finding *found, struct explain_history *h,
                   const struct expected *x, const json_t *warmups) {
  const struct finding *no = explain_cause(found);
  char text[DETAIL_TEXT];
  if (no) {
    explain_detail(e, no, text);
    printf("refused by the check %s: ", no->check->name);
    print_safe(text);
    putchar('\n');
  } else {
    print_accepted(e, found);
  }
  printf("\nchecks\n");
  print_checks(e, found);
  printf("\nlimits\n");
  print_limits(e);
  printf("\nsources of the pool %s\n", e->pool);
  print_sources(e, warmups);
  printf("\nsignatures\n");
  print_signatures(e);
  printf("\nnext hop\n");
  print_way(e, h, x);
  expected_print(x);
}

#include "relay/delivery/route/dane_search.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct search {
  struct dane_search plan;
  char host[256], next_hop[256], expanded[256];
  char bases[2][256]; /* candidates for the TLSA base domain, the best first */
  size_t count, at;
  uint32_t ttl;
};

static void finish(struct search *s, enum dane_status status, struct dane_rules *rules, bool bogus) {
  struct dane_finding found = {.status = status, .rules = rules, .bogus = bogus, .ttl = s->ttl};
  s->plan.done(s->plan.arg, &found);
  free(s);
}

static void failed(struct search *s, bool bogus) {
  finish(s, DANE_FAILED, NULL, bogus);
}

static void note_ttl(struct search *s, const struct dns_answer *answer) {
  if (answer->status != DNS_FAILED && answer->ttl < s->ttl) s->ttl = answer->ttl;
}

static void ask_tlsa(struct search *s);

static void take_records(struct search *s, const struct dns_answer *answer) {
  struct tlsa_set *records = tlsa_set_read(answer);
  if (records && records->cut && !records->count) { /* whom it may be is not known, so nobody is it */
    free(records);
    records = NULL;
  }
  const struct dane_names names = {s->bases[s->at], s->next_hop, s->expanded};
  struct dane_rules *rules = records ? dane_rules_new(records, &names) : NULL;
  if (rules)
    finish(s, DANE_FOUND, rules, false);
  else
    failed(s, false);
}

/* RFC 7672 2.1.2: that the question fails may be somebody's doing, who would have us do without the records. */
static void on_tlsa(void *arg, const struct dns_answer *answer) {
  struct search *s = arg;
  note_ttl(s, answer);
  if (answer->status == DNS_FAILED) {
    failed(s, answer->bogus);
  } else if (answer->status == DNS_FOUND && answer->secure) {
    take_records(s, answer);
  } else { /* denied; or of a zone that is not signed, which says nothing (RFC 7672 2.2) */
    s->at++;
    ask_tlsa(s);
  }
}

static void ask_tlsa(struct search *s) {
  char name[256];
  while (s->at < s->count && !tlsa_name(s->bases[s->at], s->plan.port, name)) s->at++; /* too long to have any */
  if (s->at == s->count)
    finish(s, DANE_NONE, NULL, false);
  else if (resolver_ask(s->plan.resolver, name, TLSA_TYPE, on_tlsa, s) != OK)
    failed(s, false);
}

static void add_base(struct search *s, const char *name) {
  snprintf(s->bases[s->count++], sizeof s->bases[0], "%s", name);
}

static void on_cname(void *arg, const struct dns_answer *answer) {
  struct search *s = arg;
  note_ttl(s, answer);
  if (answer->status == DNS_FAILED) {
    failed(s, answer->bogus);
    return;
  }
  if (answer->status == DNS_FOUND && answer->secure) add_base(s, s->host);
  ask_tlsa(s);
}

/* RFC 7672 2.2.2: where not all of the way to the addresses is signed, its beginning may be. */
static void ask_cname(struct search *s) {
  if (resolver_ask(s->plan.resolver, s->host, ns_t_cname, on_cname, s) != OK) failed(s, false);
}

void dane_search_start(const struct dane_search *plan) {
  struct search *s = calloc(1, sizeof *s);
  if (!s) {
    plan->done(plan->arg, &(struct dane_finding){.status = DANE_FAILED, .ttl = UINT32_MAX});
    return;
  }
  s->plan = *plan;
  s->ttl = UINT32_MAX;
  snprintf(s->host, sizeof s->host, "%s", plan->host);
  snprintf(s->next_hop, sizeof s->next_hop, "%s", plan->next_hop);
  snprintf(s->expanded, sizeof s->expanded, "%s", plan->expanded);
  bool alias = plan->canonical[0] != '\0';
  if (plan->secure && alias) add_base(s, plan->canonical);
  if (plan->secure) add_base(s, s->host);
  if (!plan->secure && alias)
    ask_cname(s);
  else
    ask_tlsa(s); /* of no candidate: some servers do not even answer for an unsigned host (RFC 7672 2.1.2) */
}

#include "cli/explain/explain_tls.h"

#include "base/clock.h"
#include "relay/net/sts_record.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_TEXT 700

/* --- what DNS has --- */

static void look_up(const struct dns_source *dns, uint64_t deadline_ms, const char *name, int type,
                    struct dns_answer *out) {
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (clock_monotonic_ms() < deadline_ms) dns->lookup(dns->arg, name, type, out);
}

static void release(const struct dns_source *dns, struct dns_answer *answer) {
  if (answer->records || answer->owner) dns->release(dns->arg, answer);
}

/* RFC 8461 3.1: another id than that of the policy that is known is another policy. */
static void ask_announced(struct explained *e, const struct dns_source *dns, uint64_t deadline_ms) {
  char name[256];
  struct dns_answer answer;
  struct reason why;
  if (!*e->sts.domain || !sts_record_name(e->sts.domain, name)) return;
  look_up(dns, deadline_ms, name, ns_t_txt, &answer);
  if (answer.status == DNS_FOUND && sts_record_read(&answer, e->sts.announced, &why) != OK) e->sts.announced[0] = '\0';
  release(dns, &answer);
}

struct addresses {
  bool any, failed, bogus, insecure;
  char canonical[256];
};

static void ask_address(const struct dns_source *dns, uint64_t deadline_ms, const char *host, int type,
                        struct addresses *a) {
  struct dns_answer answer;
  look_up(dns, deadline_ms, host, type, &answer);
  a->failed |= answer.status == DNS_FAILED;
  a->bogus |= answer.bogus;
  if (answer.status == DNS_FOUND) {
    a->any = true;
    a->insecure |= !answer.secure;
    if (!a->canonical[0]) snprintf(a->canonical, sizeof a->canonical, "%s", answer.canonical);
  }
  release(dns, &answer);
}

static void take_finding(struct hop_tls *h, const struct dane_finding *found) {
  static const enum hop_dane states[] = {
      [DANE_NONE] = HOP_DANE_NONE, [DANE_FOUND] = HOP_DANE_UNUSABLE, [DANE_FAILED] = HOP_DANE_FAILED};
  h->dane = states[found->status];
  if (found->bogus) h->dane = HOP_DANE_BOGUS;
  if (found->status != DANE_FOUND) return;
  h->demand = tls_demand_of_dane(found->rules);
  if (h->demand.proof == TLS_BY_DANE) h->dane = HOP_DANE_USABLE;
}

static void ask_dane(struct explained *e, size_t hop, const char *next_hop, const struct dns_source *dns,
                     uint64_t deadline_ms) {
  struct hop_tls *h = &e->tls[hop];
  const char *host = e->mx.hosts[hop].name;
  struct addresses a = {0};
  struct dane_finding found = {.status = DANE_FAILED};
  ask_address(dns, deadline_ms, host, ns_t_a, &a);
  ask_address(dns, deadline_ms, host, ns_t_aaaa, &a);
  const struct tlsa_subject of = {.host = host,
                                  .next_hop = next_hop,
                                  .expanded = e->mx_expanded,
                                  .port = explained_port(e),
                                  .secure = !a.insecure,
                                  .canonical = a.canonical};
  h->dane = a.failed ? HOP_DANE_ADDRESS_FAILED : HOP_DANE_NO_ADDRESS;
  if (!a.any) return;
  if (clock_monotonic_ms() < deadline_ms) tlsa_search_run(dns, &of, &found);
  take_finding(h, &found);
  if (h->dane == HOP_DANE_NONE && a.insecure) h->dane = HOP_DANE_ADDRESS_INSECURE;
}

/* RFC 7672 2.2.1: which hosts have TLSA records that count. */
static enum hop_dane dane_of_route(const struct explained *e, const struct config *config, const char *host) {
  if (e->route && e->route->tls != ROUTE_TLS_MAY) return HOP_DANE_BY_ROUTE;
  if (!config->dane) return HOP_DANE_OFF;
  if (host[0] == '[') return HOP_DANE_LITERAL;
  return e->mx_authentic ? HOP_DANE_NONE : HOP_DANE_MX_INSECURE;
}

void explain_tls_gather(struct explained *e, const struct config *config, const struct dns_source *dns,
                        uint64_t deadline_ms) {
  bool own = e->route && e->route->lookup != ROUTE_DIRECT;
  bool always = e->route && (e->route->implicit_tls || e->route->auth != ROUTE_AUTH_NONE);
  ask_announced(e, dns, deadline_ms);
  for (size_t i = 0; i < e->mx.count; i++) {
    struct hop_tls *h = &e->tls[i];
    const char *host = e->mx.hosts[i].name;
    h->demand = tls_demand_of_route(e->route ? e->route->tls : ROUTE_TLS_MAY, always);
    tls_demand_add_policy(&h->demand, e->sts.policy, host);
    h->dane = dane_of_route(e, config, host);
    if (h->dane == HOP_DANE_NONE) ask_dane(e, i, own ? e->route->host : e->recipient_domain, dns, deadline_ms);
  }
}

/* --- texts --- */

static bool is_passed_over(const struct hop_tls *h) {
  return h->dane == HOP_DANE_FAILED || h->dane == HOP_DANE_BOGUS ||
         (h->demand.by == TLS_RULE_STS && h->demand.sts_unnamed);
}

static const char *rule_text(const struct explained *e, const struct hop_tls *h) {
  const struct tls_demand *t = &h->demand;
  switch (t->by) {
  case TLS_RULE_DANE:
    return t->proof == TLS_BY_DANE ? "required, with a certificate that matches its TLSA records (DANE)"
                                   : "required, with whoever it is: none of its TLSA records is usable (DANE)";
  case TLS_RULE_STS:
    return t->sts_unnamed ? "the host is not used: the MTA-STS policy does not name it"
                          : "required, with an authority's certificate for the host's name (MTA-STS)";
  case TLS_RULE_ROUTE:
    if (t->proof == TLS_BY_CA)
      return "required, with an authority's certificate for the host's name (route, --tls verify)";
    if (!t->required) return "none (route, --tls none)";
    return e->route->implicit_tls ? "required, with whoever it is (route, TLS from the start)"
                                  : "required, with whoever it is (route with a login)";
  default: return "opportunistic: where the host offers it, with whoever it is";
  }
}

static void tls_text(const struct explained *e, const struct hop_tls *h, bool table, char out[LINE_TEXT]) {
  if (h->dane == HOP_DANE_FAILED || h->dane == HOP_DANE_BOGUS)
    snprintf(out, LINE_TEXT, "the host is not used while its TLSA records are not known");
  else if (table && h->demand.by == TLS_RULE_NONE)
    snprintf(out, LINE_TEXT, "required, with whoever it is (require_tls of this provider in shaping.conf)");
  else
    snprintf(out, LINE_TEXT, "%s", rule_text(e, h));
  size_t at = strlen(out);
  if (h->demand.sts_testing)
    snprintf(out + at, LINE_TEXT - at, "; MTA-STS, in testing, %s",
             h->demand.sts_unnamed ? "does not name the host" : "would require an authority's certificate");
}

static int by_number(const void *a, const void *b) {
  unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return (x > y) - (x < y);
}

/* Those of the records, 311 for "3 1 1", in order: DNS has one of its own each time. Returns how many. */
static size_t numbers_of(const struct dane_rules *rules, unsigned out[TLSA_RECORDS_MAX]) {
  size_t count = rules ? rules->records->count : 0;
  for (size_t i = 0; i < count; i++) out[i] = tlsa_number(&rules->records->records[i]);
  if (count) qsort(out, count, sizeof out[0], by_number);
  return count;
}

/* "2 0 1, 3 1 1" */
static void write_records(const struct dane_rules *rules, char *out, size_t size) {
  unsigned numbers[TLSA_RECORDS_MAX];
  size_t at = 0, count = numbers_of(rules, numbers);
  out[0] = '\0';
  for (size_t i = 0; i < count && at < size; i++) {
    unsigned n = numbers[i];
    int len = snprintf(out + at, size - at, "%s%u %u %u", i ? ", " : "", n / 100, n / 10 % 10, n % 10);
    at += len > 0 ? (size_t)len : 0;
  }
}

static void dane_text(const struct explained *e, size_t hop, char out[LINE_TEXT]) {
  const struct hop_tls *h = &e->tls[hop];
  const struct dane_rules *rules = h->demand.dane;
  char records[300], at[256] = "";
  if (!tlsa_name(rules ? rules->base : e->mx.hosts[hop].name, explained_port(e), at)) at[0] = '\0';
  switch (h->dane) {
  case HOP_DANE_OFF: snprintf(out, LINE_TEXT, "switched off (delivery { dane = no })"); return;
  case HOP_DANE_BY_ROUTE: snprintf(out, LINE_TEXT, "not asked for: the route has its own rules"); return;
  case HOP_DANE_LITERAL: snprintf(out, LINE_TEXT, "none: an address has no TLSA records"); return;
  case HOP_DANE_MX_INSECURE: snprintf(out, LINE_TEXT, "none: DNSSEC does not vouch for the MX records"); return;
  case HOP_DANE_ADDRESS_INSECURE:
    snprintf(out, LINE_TEXT, "none: DNSSEC does not vouch for the host's addresses");
    return;
  case HOP_DANE_NO_ADDRESS: snprintf(out, LINE_TEXT, "none: the host has no address"); return;
  case HOP_DANE_ADDRESS_FAILED: snprintf(out, LINE_TEXT, "not known: DNS does not give the host's addresses"); return;
  case HOP_DANE_NONE: snprintf(out, LINE_TEXT, "no TLSA records at %s", at); return;
  case HOP_DANE_FAILED:
  case HOP_DANE_BOGUS: snprintf(out, LINE_TEXT, "%s: %s", at, dns_failure(h->dane == HOP_DANE_BOGUS)); return;
  case HOP_DANE_UNUSABLE: snprintf(out, LINE_TEXT, "TLSA records at %s, none of them usable", at); return;
  case HOP_DANE_USABLE: break;
  }
  write_records(rules, records, sizeof records);
  snprintf(out, LINE_TEXT, "usable TLSA records at %s: %s", at, records);
}

static void print_line(const char *title, const char *text) {
  printf("    %-6s", title);
  print_safe(text);
  putchar('\n');
}

void explain_tls_print(const struct explained *e, size_t hop, bool table) {
  char text[LINE_TEXT];
  tls_text(e, &e->tls[hop], table, text);
  print_line("TLS", text);
  dane_text(e, hop, text);
  print_line("DANE", text);
}

/* --- the policy --- */

void explain_tls_print_policy(const struct explained *e) {
  const struct sts_known *s = &e->sts;
  char until[40];
  bool news = *s->announced && strcmp(s->announced, s->id) != 0;
  clock_format_minute(s->until_us, until, sizeof until);
  if (s->policy)
    printf("  by MTA-STS: the policy of %s, %s, is known until %s, id %s\n", s->domain, sts_mode_name(s->policy->mode),
           until, s->id);
  if (s->policy && news)
    printf("  MTA-STS: another is announced, id %s, and fetched with the next mail\n", s->announced);
  if (!s->policy && *s->announced)
    printf("  MTA-STS: %s announces a policy, id %s, which is fetched with the next mail\n", s->domain, s->announced);
}

static json_t *text_or_null(const char *text) {
  return *text ? json_text(text) : json_null();
}

json_t *explain_tls_policy_json(const struct explained *e) {
  const struct sts_known *s = &e->sts;
  if (!s->policy && !*s->announced) return json_null();
  return json_pack("{s:s, s:o, s:o, s:o, s:o}", "domain", s->domain, "mode",
                   s->policy ? json_string(sts_mode_name(s->policy->mode)) : json_null(), "id",
                   s->policy ? json_text(s->id) : json_null(), "until",
                   s->policy ? json_time(s->until_us) : json_null(), "announced", text_or_null(s->announced));
}

/* --- for scripts --- */

static const char *dane_name(enum hop_dane d) {
  static const char *const names[] = {
      [HOP_DANE_NONE] = "none",
      [HOP_DANE_USABLE] = "usable",
      [HOP_DANE_UNUSABLE] = "unusable",
      [HOP_DANE_FAILED] = "failed",
      [HOP_DANE_BOGUS] = "bogus",
      [HOP_DANE_MX_INSECURE] = "mx-insecure",
      [HOP_DANE_ADDRESS_INSECURE] = "address-insecure",
      [HOP_DANE_NO_ADDRESS] = "no-address",
      [HOP_DANE_ADDRESS_FAILED] = "address-failed",
      [HOP_DANE_LITERAL] = "literal",
      [HOP_DANE_BY_ROUTE] = "route",
      [HOP_DANE_OFF] = "off",
  };
  return names[d];
}

static const char *rule_name(const struct hop_tls *h, bool table) {
  static const char *const names[] = {
      [TLS_RULE_NONE] = "none", [TLS_RULE_ROUTE] = "route", [TLS_RULE_DANE] = "dane", [TLS_RULE_STS] = "mta-sts"};
  return table && h->demand.by == TLS_RULE_NONE ? "shaping" : names[h->demand.by];
}

static json_t *records_json(const struct dane_rules *rules) {
  unsigned numbers[TLSA_RECORDS_MAX];
  size_t count = numbers_of(rules, numbers);
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++)
    json_array_append_new(list, json_sprintf("%u %u %u", numbers[i] / 100, numbers[i] / 10 % 10, numbers[i] % 10));
  return list;
}

json_t *explain_tls_json(const struct explained *e, size_t hop, bool table) {
  const struct hop_tls *h = &e->tls[hop];
  char text[LINE_TEXT], dane[LINE_TEXT];
  tls_text(e, h, table, text);
  dane_text(e, hop, dane);
  return json_pack("{s:s, s:b, s:s, s:b, s:o, s:s, s:o, s:o}", "by", rule_name(h, table), "required",
                   h->demand.required || (table && h->demand.by == TLS_RULE_NONE), "verified",
                   tls_proof_name(h->demand.proof), "used", !is_passed_over(h), "text", json_text(text), "dane",
                   dane_name(h->dane), "dane_text", json_text(dane), "tlsa", records_json(h->demand.dane));
}

/* --- REQUIRETLS --- */

/* RFC 8689 4.2.1 (1), as may_route in relay/delivery/queue/hand_out.c. */
static bool is_vouched_for(const struct explained *e) {
  return e->mx_authentic || (e->sts.policy && e->sts.policy->mode == STS_MODE_ENFORCE);
}

static const char *required_text(const struct explained *e) {
  return is_vouched_for(e) ? "goes to a host that offers REQUIRETLS, in TLS with a certificate that matches its TLSA "
                             "records or is an "
                             "authority's for its name"
                           : "comes back (5.7.10): neither DNSSEC nor MTA-STS vouches for the names of the exchangers";
}

void explain_tls_print_required(const struct explained *e) {
  if (!e->require_tls || !e->mx.count) return;
  printf("  REQUIRETLS: %s\n", required_text(e));
}

json_t *explain_tls_required_json(const struct explained *e) {
  if (!e->require_tls || !e->mx.count) return json_null();
  return json_pack("{s:b, s:s}", "possible", is_vouched_for(e), "text", required_text(e));
}

#include "cli/domain_check.h"

#include "base/clock.h"
#include "cli/output.h"
#include "policy/dmarc/dmarc_predict.h"
#include "policy/source_rank.h"
#include "relay/message/signing.h"
#include "relay/net/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_MS 15000 /* for a domain */

/* What DNS has of one domain. */
struct checked {
  const struct domain *domain;
  const struct signing_key *keys[SIGNER_KEYS_MAX];
  struct key_verdict published[SIGNER_KEYS_MAX];
  size_t key_count;
  struct spf_verdict spf[SOURCES_MAX];
  size_t source_count;
  struct source_rank rank;
  struct dmarc_prediction dmarc;
};

/* --- asking --- */

static void ask_keys(struct checked *k, const struct dns_source *dns, uint64_t deadline_ms) {
  const struct domain *d = k->domain;
  k->key_count = 0;
  for (size_t i = 0; i < d->key_count && k->key_count < SIGNER_KEYS_MAX; i++) {
    const struct signing_key *key = &d->keys[i];
    if (key->state != KEY_ACTIVE) continue;
    k->keys[k->key_count] = key;
    key_check(dns, key->selector, d->name, key->algorithm, key->public_base64, deadline_ms,
              &k->published[k->key_count++]);
  }
}

/* Of every source, whatever its pool: the domain's mail may be any account's. */
static void ask_spf(struct checked *k, const struct directory *d, const struct dns_source *dns, uint64_t deadline_ms) {
  const struct spf_verdict *verdicts[SOURCES_MAX];
  char path[DOMAIN_MAX + 16];
  snprintf(path, sizeof path, "postmaster@%s", k->domain->name);
  k->source_count = 0;
  k->rank = (struct source_rank){.best = {.result = SPF_NONE, .why = "there is no source: sendoff source add"}};
  for (size_t i = 0; i < d->source_count && k->source_count < SOURCES_MAX; i++) {
    const struct source *s = &d->sources[i];
    if (!source_may_be_used(s)) continue;
    spf_check_until(dns, source_public(s), path, s->helo, deadline_ms, &k->spf[k->source_count]);
    verdicts[k->source_count] = &k->spf[k->source_count];
    k->source_count++;
  }
  if (k->source_count) source_rank(verdicts, k->source_count, k->source_count, &k->rank);
}

static void ask_dmarc(struct checked *k, const struct dns_source *dns, uint64_t deadline_ms) {
  struct dmarc_signature signatures[SIGNER_KEYS_MAX];
  for (size_t i = 0; i < k->key_count; i++)
    signatures[i] = (struct dmarc_signature){k->domain->name, k->keys[i]->selector, k->keys[i]->algorithm,
                                             k->keys[i]->public_base64, &k->published[i]};
  const struct dmarc_facts facts = {
      .author = k->domain->name, .spf = &k->rank.best, .signatures = signatures, .signature_count = k->key_count};
  dmarc_predict_until(dns, &facts, deadline_ms, &k->dmarc);
}

static void ask(struct checked *k, const struct directory *d, const struct dns_source *dns) {
  uint64_t deadline_ms = clock_monotonic_ms() + CHECK_MS;
  ask_keys(k, dns, deadline_ms);
  ask_spf(k, d, dns, deadline_ms);
  ask_dmarc(k, dns, deadline_ms);
}

/* --- judging: what is not known is not right, either --- */

static bool is_right(const struct checked *k) {
  bool right = k->key_count && k->dmarc.now.result == DMARC_PASS && k->dmarc.old.result == DMARC_PASS;
  for (size_t i = 0; i < k->key_count; i++) right &= k->published[i].state == PUBLISHED_MATCHES;
  for (size_t i = 0; i < k->source_count; i++) right &= k->spf[i].result == SPF_PASS;
  return right;
}

/* --- for scripts --- */

static json_t *keys_json(const struct checked *k) {
  json_t *list = json_array();
  for (size_t i = 0; i < k->key_count; i++)
    json_array_append_new(list,
                          json_pack("{s:o, s:s, s:o}", "selector", json_text(k->keys[i]->selector), "published",
                                    published_key_name(k->published[i].state), "text", json_text(k->published[i].why)));
  return list;
}

static json_t *sources_json(const struct checked *k) {
  json_t *list = json_array();
  for (size_t i = 0; i < k->source_count; i++)
    json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "source", k->spf[i].source, "spf",
                                          spf_result_name(k->spf[i].result), "text", json_text(k->spf[i].why)));
  return list;
}

static json_t *publish_json(const struct checked *k) {
  json_t *list = json_array();
  for (size_t i = 0; i < k->dmarc.repair_count; i++) {
    const struct dmarc_repair *r = &k->dmarc.repairs[i];
    json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:b}", "name", json_text(r->name), "type", "TXT", "value",
                                          json_text(r->value), "add", r->add));
  }
  return list;
}

static void print_checked_json(const struct checked *k) {
  print_json(json_pack("{s:o, s:b, s:o, s:o, s:s, s:s, s:o, s:o}", "domain", json_text(k->domain->name), "right",
                       is_right(k), "keys", keys_json(k), "sources", sources_json(k), "dmarc",
                       dmarc_result_name(k->dmarc.now.result), "dmarc_rfc7489", dmarc_result_name(k->dmarc.old.result),
                       "text", json_text(k->dmarc.why), "publish", publish_json(k)));
}

/* --- for people --- */

static void print_line(const char *what, const char *of, const char *result, const char *why) {
  printf("  %-6s %-16s %s: ", what, of, result);
  print_safe(why);
  putchar('\n');
}

static void print_repair(const struct dmarc_repair *r) {
  printf("  %s ", r->add ? "add to the SPF record of" : "publish for");
  print_safe(r->name);
  printf("%s", r->add ? ": " : ": TXT \"");
  print_safe(r->value);
  puts(r->add ? "" : "\"");
}

static void print_checked(const struct checked *k) {
  printf("%s: %s\n", k->domain->name, is_right(k) ? "all is right" : "not all is right");
  if (!k->key_count) print_line("DKIM", "", "unsigned", "the domain has no active key");
  for (size_t i = 0; i < k->key_count; i++)
    print_line("DKIM", k->keys[i]->selector, published_key_name(k->published[i].state), k->published[i].why);
  if (!k->source_count) print_line("SPF", "", spf_result_name(SPF_NONE), k->rank.best.why);
  for (size_t i = 0; i < k->source_count; i++)
    print_line("SPF", k->spf[i].source, spf_result_name(k->spf[i].result), k->spf[i].why);
  print_line("DMARC", "", dmarc_result_name(k->dmarc.now.result), k->dmarc.why);
  for (size_t i = 0; i < k->dmarc.repair_count; i++) print_repair(&k->dmarc.repairs[i]);
}

/* --- the command --- */

static enum exit_status check_all(struct cli *c, const struct directory *d, const char *name, struct resolver *r,
                                  struct checked *k) {
  const struct dns_source dns = {r, resolver_lookup, resolver_release};
  enum exit_status s = EXIT_DONE;
  for (size_t i = 0; i < d->domain_count; i++) {
    if (*name && strcmp(d->domains[i].name, name) != 0) continue;
    k->domain = &d->domains[i];
    ask(k, d, &dns);
    if (c->json)
      print_checked_json(k);
    else
      print_checked(k);
    if (!is_right(k)) s = EXIT_NO;
  }
  return s;
}

static enum exit_status run(struct cli *c, const struct directory *d, const char *name) {
  struct resolver *r;
  struct reason why = {""};
  if (*name && !directory_domain(d, name, false))
    return cli_fail(EXIT_NO, "there is no domain %s; see: sendoff domain list", name);
  struct checked *k = calloc(1, sizeof *k);
  if (!k) return cli_fail(EXIT_NO, "out of memory");
  int rc = resolver_new(c->config, &r, &why);
  enum exit_status s = rc == OK ? check_all(c, d, name, r, k) : cli_failed(rc, &why);
  if (rc == OK) resolver_free(&r);
  free(k);
  return s;
}

enum exit_status domain_check(struct cli *c, const char *name) {
  struct directory *d;
  enum exit_status s = cli_config(c);
  if (s == EXIT_DONE) s = cli_directory(c, &d);
  if (s != EXIT_DONE) return s;
  s = run(c, d, name);
  directory_release(&d);
  return s;
}

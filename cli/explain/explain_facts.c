#include "cli/explain/explain_facts.h"

#include "base/clock.h"
#include "cli/explain/explain_tls.h"
#include "relay/net/resolver.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

/* --- what was typed --- */

static enum exit_status read_account(struct explained *e, const struct explain_question *q) {
  struct facts *f = &e->facts;
  const struct account *a = directory_account(e->directory, bytes_of(q->account));
  if (!a) return cli_fail(EXIT_NO, "there is no account %s; see: sendoff account list", q->account);
  f->directory = e->directory;
  f->account = a;
  f->account_name = a->name;
  f->standing = a->suspended ? STANDING_SUSPENDED : STANDING_GOOD;
  f->suspend_reason = a->suspend_reason;
  f->login_holds = true;
  f->stream = q->stream < 0 ? a->stream : (enum mail_stream)q->stream;
  f->rewritten = *a->rewrite_from != '\0';
  e->pool = account_pool(a, f->stream);
  return EXIT_DONE;
}

static enum exit_status read_sender(struct explained *e, const struct explain_question *q) {
  struct facts *f = &e->facts;
  char name[DOMAIN_MAX + 1];
  f->reverse_path = !*q->from ? "" : f->rewritten ? f->account->rewrite_from : q->from;
  f->from = (struct address){.is_null = true};
  if (*f->reverse_path && address_parse(bytes_of(f->reverse_path), &f->from) != OK)
    return cli_fail(EXIT_USAGE, "--from %s is no address; write one as in shop@example.com, or \"\" for a bounce",
                    q->from);
  if (f->from.domain.len && domain_normalize(f->from.domain, name) == OK)
    f->envelope_domain = directory_domain(e->directory, name, false);
  f->known |= FACT_ENVELOPE;
  return EXIT_DONE;
}

static enum exit_status read_header_from(struct explained *e, const struct explain_question *q) {
  struct facts *f = &e->facts;
  const char *typed = f->rewritten ? f->account->rewrite_from : q->header_from ? q->header_from : q->from;
  f->header_from = bytes_of(typed);
  f->header_sender = (struct bytes){"", 0};
  int rc = signing_domain(f->header_from, e->author);
  if (rc != OK && *typed) return cli_fail(EXIT_USAGE, "--header-from %s is no address with a domain", typed);
  f->from_domain = rc == OK ? e->author : NULL;
  f->header_domain = rc == OK ? directory_domain(e->directory, e->author, true) : NULL;
  f->known |= FACT_HEADER;
  return EXIT_DONE;
}

static enum exit_status read_recipient(struct cli *c, struct explained *e, const struct explain_question *q) {
  struct facts *f = &e->facts;
  if (address_parse(bytes_of(q->to), &f->to) != OK || f->to.literal ||
      domain_normalize(f->to.domain, e->recipient_domain) != OK)
    return cli_fail(EXIT_USAGE, "--to %s is no address; write one as in user@example.net", q->to);
  f->recipient = q->to;
  f->simulated = simulated_of(c->config->simulator, e->recipient_domain, f->to.local);
  f->recipient_count = 1;
  f->recipients_max = c->config->max_recipients;
  f->known |= FACT_RECIPIENT;
  return EXIT_DONE;
}

/* --- what the store has --- */

static int read_usage(struct explained *e, struct reader *r) {
  struct facts *f = &e->facts;
  e->owners = (struct usage_owners){.directory = e->directory,
                                    .account = f->account,
                                    .domain = f->header_domain,
                                    .stream_known = true,
                                    .stream = f->stream};
  f->scope_count = usage_scopes_of(&e->owners, e->scopes);
  for (size_t i = 0; i < f->scope_count; i++) {
    e->usage[i] = &e->usages[i];
    int rc = reader_usage(r, &e->scopes[i], e->usage[i]);
    if (rc != OK) return rc;
  }
  f->scopes = e->scopes;
  f->usage = e->usage;
  f->known |= FACT_USAGE;
  return OK;
}

/* The strings of a row live until it returns. */
static bool take_suppression(void *arg, const struct suppression *s, const struct bounce_counts *b) {
  struct explained *e = arg;
  (void)b;
  if (e->facts.suppression && !*s->account) return true; /* the account's own says more */
  e->suppression = *s;
  snprintf(e->suppression_text, sizeof e->suppression_text, "%s", s->reason);
  e->suppression.reason = e->suppression_text;
  bytes_copy(bytes_of(s->enhanced), e->suppression_enhanced, sizeof e->suppression_enhanced);
  e->suppression.enhanced = e->suppression_enhanced;
  e->suppression.account = e->suppression.address = e->suppression.text = "";
  e->facts.suppression = &e->suppression;
  return true;
}

static int read_suppression(struct explained *e, struct reader *r) {
  char key[ADDRESS_KEY];
  int rc = address_key(bytes_of(e->facts.recipient), key);
  const char *lists[] = {"", e->facts.account_name};
  bool always = e->facts.simulated == SIMULATED_SUPPRESSED;
  if (always) e->facts.suppression = &simulator_suppression;
  for (size_t i = 0; rc == OK && !always && i < 2; i++) {
    struct suppression_filter f = {.account = lists[i], .address = key};
    rc = reader_suppressions(r, &f, take_suppression, e);
  }
  e->facts.known |= FACT_SUPPRESSION;
  return rc;
}

static int read_brake(struct explained *e, struct reader *r) {
  uint64_t known;
  int rc = reader_brake(r, e->facts.account_name, &e->brake, &known);
  if (rc != OK) return rc;
  e->brake_status = (struct brake_status){e->brake.step, e->brake.mode, e->brake.since_us};
  e->facts.brake = &e->brake_status;
  e->facts.known |= FACT_BRAKE;
  return OK;
}

/* --- what DNS has --- */

static void ask_spf(struct explained *e, const struct dns_source *dns, uint64_t deadline_ms) {
  const struct spf_verdict *verdicts[SOURCES_MAX];
  size_t usable = 0, beyond;
  e->sources = directory_pool(e->directory, e->pool, &e->source_count);
  beyond = e->source_count > SOURCES_MAX ? e->source_count - SOURCES_MAX : 0;
  e->source_count -= beyond;
  for (size_t i = 0; i < e->source_count; i++) {
    const struct source *s = &e->sources[i];
    spf_check_until(dns, source_public(s), e->facts.reverse_path, s->helo, deadline_ms, &e->spf[i]);
    if (source_may_be_used(s)) verdicts[usable++] = &e->spf[i];
  }
  for (size_t i = 0, none = !usable; none && i < e->source_count; i++) verdicts[usable++] = &e->spf[i];
  if (usable)
    source_rank(verdicts, usable, usable + beyond, &e->rank);
  else
    e->rank.best.result = SPF_NONE;
  e->facts.spf = &e->rank.best;
  e->facts.known |= FACT_SPF;
}

static void ask_dmarc(struct explained *e, const struct dns_source *dns, uint64_t deadline_ms) {
  struct dmarc_signature signatures[SIGNER_KEYS_MAX];
  if (!e->facts.from_domain) return;
  e->key_count = signing_keys(e->directory, e->author, e->facts.stream, &e->signing_domain, e->keys);
  for (size_t i = 0; i < e->key_count; i++) {
    const struct signing_key *k = e->keys[i];
    key_check(dns, k->selector, e->signing_domain->name, k->algorithm, k->public_base64, deadline_ms, &e->published[i]);
    signatures[i] = (struct dmarc_signature){e->signing_domain->name, k->selector, k->algorithm, k->public_base64,
                                             &e->published[i]};
  }
  const struct dmarc_facts facts = {
      .author = e->author, .spf = e->facts.spf, .signatures = signatures, .signature_count = e->key_count};
  dmarc_predict_until(dns, &facts, deadline_ms, &e->dmarc);
  e->facts.dmarc = &e->dmarc;
  e->facts.known |= FACT_DMARC;
}

/* The route by command that the mail would take. */
static void find_route(struct explained *e) {
  char sender[DOMAIN_MAX + 1] = "";
  if (e->facts.from.domain.len && domain_normalize(e->facts.from.domain, sender) != OK) sender[0] = '\0';
  const struct route_question q = {.to = e->recipient_domain, .account = e->facts.account_name, .sender = sender};
  e->route = static_route_find(e->directory->routes, e->directory->route_count, &q);
}

static bool take_policy(void *arg, const struct sts_note *n) {
  struct explained *e = arg;
  struct reason why;
  e->sts.until_us = n->until_us;
  snprintf(e->sts.id, sizeof e->sts.id, "%s", n->id);
  if (n->until_us > e->facts.now_us) sts_policy_read(bytes_of(n->text), &e->sts.policy, &why);
  return false;
}

/* As far as the gateway has needed one. A route may have rules of its own. */
static int read_sts(struct cli *c, struct explained *e, struct reader *r) {
  bool own = e->route && e->route->lookup != ROUTE_DIRECT;
  if (e->facts.simulated || !c->config->mta_sts || (e->route && e->route->tls != ROUTE_TLS_MAY)) return OK;
  const char *domain = own ? e->route->host : e->recipient_domain;
  if (domain[0] == '[') return OK; /* an address has none */
  snprintf(e->sts.domain, sizeof e->sts.domain, "%.255s", domain);
  return reader_sts_note(r, e->sts.domain, take_policy, e);
}

/* Whose MX records lead on; "": nobody's, the host is known. */
static const char *mx_owner(const struct explained *e) {
  if (!e->route || e->route->lookup == ROUTE_DIRECT) return e->recipient_domain;
  return e->route->lookup == ROUTE_BY_MX ? e->route->host : "";
}

static void ask_mx(struct explained *e, const struct dns_source *dns) {
  struct dns_answer answer;
  const char *domain = mx_owner(e);
  if (!*domain) {
    e->mx_status = DNS_FOUND;
    e->mx_authentic = e->route->host[0] != '['; /* an address has no name to be vouched for */
    bytes_copy(bytes_of(e->route->host), e->mx.hosts[e->mx.count++].name, sizeof e->mx.hosts[0].name);
    return;
  }
  dns->lookup(dns->arg, domain, ns_t_mx, &answer);
  e->mx_status = answer.status;
  e->mx_bogus = answer.bogus;
  e->mx_authentic = answer.secure;
  snprintf(e->mx_expanded, sizeof e->mx_expanded, "%s", answer.canonical);
  mx_list_read(&answer, &e->mx);
  dns->release(dns->arg, &answer);
  if (e->mx_status != DNS_NODATA) return;
  e->mx_authentic = true;
  e->mx_expanded[0] = '\0';
  e->mx.hosts[e->mx.count++] = (struct mx){.preference = 0}; /* RFC 5321 5.1: the domain itself */
  bytes_copy(bytes_of(domain), e->mx.hosts[0].name, sizeof e->mx.hosts[0].name);
}

static enum exit_status ask_dns(struct cli *c, struct explained *e) {
  struct resolver *resolver;
  struct reason why = {""};
  uint64_t deadline_ms = clock_monotonic_ms() + EXPLAIN_MS;
  int rc = resolver_new(c->config, &resolver, &why);
  if (rc != OK) return cli_failed(rc, &why);
  const struct dns_source dns = {resolver, resolver_lookup, resolver_release};
  ask_spf(e, &dns, deadline_ms);
  ask_dmarc(e, &dns, deadline_ms);
  e->mx_port = c->config->delivery_port;
  if (!e->facts.simulated) {
    ask_mx(e, &dns);
    explain_tls_gather(e, c->config, &dns, deadline_ms);
  }
  resolver_free(&resolver);
  return EXIT_DONE;
}

/* --- all of it --- */

static enum exit_status read_store(struct cli *c, struct explained *e) {
  struct reader *r;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = read_usage(e, r);
  if (rc == OK) rc = read_suppression(e, r);
  if (rc == OK) rc = read_brake(e, r);
  if (rc == OK) rc = read_sts(c, e, r);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the store cannot be read: %s", result_text(rc));
}

enum exit_status explain_gather(struct cli *c, const struct explain_question *q, struct explained *e) {
  enum exit_status s = cli_directory(c, &e->directory);
  e->facts.now_us = clock_now_us();
  e->require_tls = q->require_tls;
  if (s == EXIT_DONE) s = read_account(e, q);
  if (s == EXIT_DONE) s = read_sender(e, q);
  if (s == EXIT_DONE) s = read_header_from(e, q);
  if (s == EXIT_DONE) s = read_recipient(c, e, q);
  if (s == EXIT_DONE && !e->facts.simulated) find_route(e);
  if (s == EXIT_DONE) s = read_store(c, e);
  return s == EXIT_DONE ? ask_dns(c, e) : s;
}

void explained_clear(struct explained *e) {
  directory_release(&e->directory);
  sts_policy_release(&e->sts.policy);
  for (size_t i = 0; i < e->mx.count; i++) dane_rules_free(&e->tls[i].demand.dane);
}

unsigned explained_port(const struct explained *e) {
  return e->route ? static_route_port(e->route, e->mx_port) : e->mx_port;
}

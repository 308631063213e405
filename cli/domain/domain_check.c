#include "cli/domain/domain_check.h"

#include "base/clock.h"
#include "cli/input/named.h"
#include "cli/output/output.h"
#include "relay/domain/check.h"
#include "relay/net/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 24 /* of what goes on in the next line */

/* --- for scripts --- */

static json_t *keys_json(const struct check_report *r) {
  json_t *list = json_array();
  for (size_t i = 0; i < r->key_count; i++)
    json_array_append_new(list, json_pack("{s:o, s:s, s:o}", "selector", json_text(r->keys[i].selector), "published",
                                          published_key_name(r->keys[i].published.state), "text",
                                          json_text(r->keys[i].published.why)));
  return list;
}

static json_t *sources_json(const struct check_report *r) {
  json_t *list = json_array();
  for (size_t i = 0; i < r->source_count; i++)
    json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "source", r->spf[i].source, "spf",
                                          spf_result_name(r->spf[i].result), "text", json_text(r->spf[i].why)));
  return list;
}

static json_t *publish_json(const struct check_report *r) {
  json_t *list = json_array();
  for (size_t i = 0; i < r->dmarc.repair_count; i++) {
    const struct dmarc_repair *repair = &r->dmarc.repairs[i];
    json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:b}", "name", json_text(repair->name), "type", "TXT",
                                          "value", json_text(repair->value), "add", repair->add));
  }
  return list;
}

static json_t *records_json(const struct check_report *r) {
  json_t *list = json_array();
  for (size_t i = 0; i < r->count; i++) {
    const struct check_entry *e = &r->entries[i];
    json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:b}", "kind", record_kind_name(e->kind),
                                          "name", json_text(e->name), "type", e->type, "state",
                                          found_state_name(e->state), "expected", json_text(e->expected), "found",
                                          json_text(e->found), "text", json_text(e->text), "hurts", e->hurts));
  }
  return list;
}

static void print_report_json(const struct check_report *r) {
  print_json(json_pack("{s:o, s:b, s:o, s:o, s:o, s:o, s:s, s:s, s:o, s:o}", "domain", json_text(r->domain), "right",
                       r->right, "records", records_json(r), "servers", json_text(r->servers), "keys", keys_json(r),
                       "sources", sources_json(r), "dmarc", dmarc_result_name(r->dmarc.now.result), "dmarc_rfc7489",
                       dmarc_result_name(r->dmarc.old.result), "text", json_text(r->dmarc.why), "publish",
                       publish_json(r)));
}

/* --- for people --- */

static void print_entry(const struct check_entry *e) {
  char text[CHECK_TEXT + RECORD_NAME + 4];
  snprintf(text, sizeof text, "%s: %s", e->name, e->text);
  printf("  %-11s %-9s ", record_kind_name(e->kind), found_state_name(e->state));
  print_wrapped(text, INDENT, INDENT, false);
}

/* What to do of what is not right; of a record that is there as it should be, there is nothing to publish. */
static void print_advice(const struct check_entry *e) {
  bool differs = *e->expected && strcmp(e->expected, e->found) != 0;
  if (e->state == FOUND_RIGHT || e->state == FOUND_UNKNOWN || !differs) return;
  if (*e->found && !strchr(e->found, '\n')) {
    printf("  found for ");
    print_safe(e->name);
    printf(": ");
    print_safe(e->found);
    putchar('\n');
  }
  const char *quote = strcmp(e->type, "TXT") == 0 ? "\"" : "";
  printf("  publish for ");
  print_safe(e->name);
  printf(": %s %s", e->type, quote);
  print_safe(e->expected);
  puts(quote);
}

static void print_repair(const struct dmarc_repair *r) {
  if (!r->add) return; /* a whole record is among the entries */
  printf("  add to the SPF record of ");
  print_safe(r->name);
  printf(": ");
  print_safe(r->value);
  putchar('\n');
}

static void print_source(const struct spf_verdict *v) {
  int column = printf("  SPF of %-16s %s: ", v->source, spf_result_name(v->result));
  print_wrapped(v->why, (size_t)column, INDENT, false);
}

static void print_report(const struct check_report *r) {
  printf("%s: %s\n", r->domain, r->right ? "all is right" : "not all is right");
  for (size_t i = 0; i < r->count; i++) print_entry(&r->entries[i]);
  for (size_t i = 0; i < r->source_count; i++)
    if (r->spf[i].result != SPF_PASS) print_source(&r->spf[i]);
  if (*r->servers) {
    printf("  name servers: ");
    print_wrapped(r->servers, 16, 4, false);
  }
  for (size_t i = 0; i < r->count; i++) print_advice(&r->entries[i]);
  for (size_t i = 0; i < r->dmarc.repair_count; i++) print_repair(&r->dmarc.repairs[i]);
}

/* --- the command --- */

static int private_key(void *arg, int64_t key_id, struct buffer *pem, struct reason *why) {
  return reader_private_key(arg, key_id, pem, why);
}

static enum exit_status check_all(struct cli *c, const struct directory *d, const char *name, struct check_plan *plan,
                                  struct check_report *report) {
  enum exit_status s = EXIT_DONE;
  for (size_t i = 0; i < d->domain_count; i++) {
    if (*name && strcmp(d->domains[i].name, name) != 0) continue;
    plan->domain = &d->domains[i];
    if (check_domain(plan, clock_monotonic_ms() + CHECK_MS, report) != OK) return cli_fail(EXIT_NO, "out of memory");
    if (c->json)
      print_report_json(report);
    else
      print_report(report);
    if (!report->right) s = EXIT_NO;
  }
  return s;
}

static enum exit_status with_resolver(struct cli *c, const struct directory *d, const char *name, struct reader *reader,
                                      struct check_report *report) {
  struct resolver *r;
  struct reason why = {""};
  int rc = https_setup();
  if (rc == OK) rc = resolver_new(c->config, &r, &why);
  if (rc != OK) return cli_failed(rc, &why);
  const struct dns_source dns = {r, resolver_lookup, resolver_release};
  const struct https https = {.dns = &dns,
                              .trust = c->config->https_trust,
                              .may_connect = c->config->local_next_hops ? NULL : https_global_only};
  struct check_plan plan = {.directory = d,
                            .authority = {.dns = &dns, .local = c->config->local_next_hops},
                            .https = &https,
                            .private_key = private_key,
                            .arg = reader};
  enum exit_status s = check_all(c, d, name, &plan, report);
  resolver_free(&r);
  https_teardown();
  return s;
}

static enum exit_status run(struct cli *c, const struct directory *d, const char *name) {
  struct reader *reader;
  if (*name && !directory_domain(d, name, false)) return named_unknown(c, NAMED_DOMAIN, name);
  if (!d->domain_count && !c->json) puts("no domains yet; add one: sendoff domain add DOMAIN");
  struct check_report *report = calloc(1, sizeof *report);
  if (!report) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = cli_reader(c, &reader);
  if (s == EXIT_DONE) {
    s = with_resolver(c, d, name, reader, report);
    reader_close(&reader);
  }
  free(report);
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

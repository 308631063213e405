#include "cli/domain/dns_records.h"

#include "base/clock.h"
#include "cli/output/output.h"
#include "relay/domain/records.h"
#include "relay/net/resolver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_MAX 255 /* RFC 1035 3.3.14: a TXT record is made of strings of at most 255 octets */
#define ASK_MS 8000

enum exit_status dns_records_read_format(const struct cli *c, enum records_format *out) {
  static const char *const names[] = {"zone", "table", "json"};
  const char *typed = cli_option(c, "format");
  *out = c->json ? RECORDS_JSON : RECORDS_ZONE;
  if (!typed) return EXIT_DONE;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strcmp(typed, names[i]) != 0) continue;
    *out = (enum records_format)i;
    return EXIT_DONE;
  }
  return cli_fail(EXIT_USAGE, "--format %s: write zone (for a name server), table (for a web form) or json", typed);
}

/* The record that is there, and changes; NULL: there is none. */
static const char *replaced(const struct domain_records *all, const struct domain_record *r) {
  return r->kind == RECORD_SPF && *all->spf_found && strcmp(all->spf_found, r->value) != 0 ? all->spf_found : NULL;
}

/* --- a zone file --- */

static bool is_text(const struct domain_record *r) {
  return strcmp(r->type, "TXT") == 0;
}

/* RFC 1035 5.1: a quote and a backslash are written with one before them. */
static void print_string(const char *text, size_t len) {
  putchar('"');
  for (size_t i = 0; i < len; i++) {
    if (text[i] == '"' || text[i] == '\\') putchar('\\');
    putchar(text[i]);
  }
  putchar('"');
}

static void print_text(const char *value, const char *lead) {
  size_t len = strlen(value);
  bool parts = len > STRING_MAX;
  if (parts) printf(" (");
  for (size_t i = 0; i < len; i += STRING_MAX) {
    if (parts)
      printf("\n%s  ", lead);
    else
      putchar(' ');
    print_string(value + i, len - i < STRING_MAX ? len - i : STRING_MAX);
  }
  puts(parts ? " )" : "");
}

static void print_zone_record(const struct domain_records *all, const struct domain_record *r) {
  const char *lead = r->elsewhere || r->optional ? "; " : "";
  char text[RECORD_WHY + 16];
  snprintf(text, sizeof text, "%s%s", r->optional ? "optional: " : "", r->why);
  print_led("; ", text);
  if (replaced(all, r)) printf("; what is there now: %s\n", replaced(all, r));
  printf("%s%s. IN %s", lead, r->name, r->type);
  if (!is_text(r)) {
    printf(" %s%s\n", r->value, strcmp(r->type, "PTR") == 0 || strcmp(r->type, "CNAME") == 0 ? "." : "");
  } else {
    print_text(r->value, lead);
    if (strlen(r->value) > STRING_MAX) printf("; the same in one piece, for a web form: %s\n", r->value);
  }
  putchar('\n');
}

static void print_zone(const struct domain_records *all) {
  for (size_t i = 0; i < all->count; i++) print_zone_record(all, &all->list[i]);
  for (size_t i = 0; i < all->note_count; i++) {
    print_led("; ", all->notes[i]);
    putchar('\n');
  }
}

/* --- a web form --- */

static void print_heading(const struct domain_record *r) {
  char text[RECORD_WHY + 64];
  snprintf(text, sizeof text, "%s%s: %s", record_kind_name(r->kind), r->optional ? " (optional)" : "", r->why);
  print_wrapped(text, 0, 2, false);
}

static void print_form_record(const struct domain_records *all, const struct domain_record *r) {
  char relative[RECORD_NAME];
  domain_record_relative(r, relative);
  print_heading(r);
  if (strcmp(relative, r->name) != 0) {
    printf("  %-9s %s   (in the zone %s)\n", "name", relative, r->zone);
    printf("  %-9s %s\n", "full name", r->name);
  } else {
    printf("  %-9s %s\n", "name", r->name);
  }
  printf("  %-9s %s\n", "type", r->type);
  if (replaced(all, r)) printf("  %-9s %s\n", "old value", replaced(all, r));
  printf("  %-9s %s\n\n", "value", r->value);
}

static void print_form(const struct domain_records *all) {
  for (size_t i = 0; i < all->count; i++) print_form_record(all, &all->list[i]);
  for (size_t i = 0; i < all->note_count; i++) print_wrapped(all->notes[i], 0, 2, false);
}

/* --- for scripts --- */

static void print_objects(const struct domain_records *all) {
  for (size_t i = 0; i < all->count; i++) {
    const struct domain_record *r = &all->list[i];
    char relative[RECORD_NAME];
    domain_record_relative(r, relative);
    print_json(json_pack("{s:o, s:o, s:o, s:s, s:o, s:s, s:o, s:b, s:b, s:s?, s:s?}", "name", json_text(r->name),
                         "relative_name", json_text(relative), "zone", json_text(r->zone), "type", r->type, "value",
                         json_text(r->value), "kind", record_kind_name(r->kind), "why", json_text(r->why), "optional",
                         r->optional, "elsewhere", r->elsewhere, "key_state",
                         r->key ? key_state_name(r->key->state) : NULL, "replaces", replaced(all, r)));
  }
}

/* --- the command --- */

static int make(struct cli *c, const struct directory *d, const struct domain *domain, struct domain_records *out) {
  struct resolver *r = NULL;
  struct reason why = {""};
  struct records_plan plan = {.directory = d, .domain = domain, .deadline_ms = clock_monotonic_ms() + ASK_MS};
  if (resolver_new(c->config, &r, &why) != OK) cli_warn("DNS is not asked: %s", why.text);
  const struct dns_source dns = {r, resolver_lookup, resolver_release};
  if (r) plan.dns = &dns;
  int rc = domain_records_make(&plan, out);
  if (r) resolver_free(&r);
  return rc;
}

enum exit_status dns_records_print(struct cli *c, const struct directory *d, const struct domain *domain,
                                   enum records_format format, const enum key_state *only) {
  enum exit_status s = cli_config(c);
  struct domain_records *all = s == EXIT_DONE ? calloc(1, sizeof *all) : NULL;
  if (s != EXIT_DONE) return s;
  if (!all) return cli_fail(EXIT_NO, "out of memory");
  if (make(c, d, domain, all) != OK) s = cli_fail(EXIT_NO, "out of memory");
  if (only) domain_records_keep(all, *only);
  if (s == EXIT_DONE && format == RECORDS_JSON) print_objects(all);
  if (s == EXIT_DONE && format == RECORDS_ZONE) print_zone(all);
  if (s == EXIT_DONE && format == RECORDS_TABLE) print_form(all);
  domain_records_free(all);
  free(all);
  return s;
}

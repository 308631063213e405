#include "base/clock.h"
#include "cli/command.h"
#include "cli/domain/dns_records.h"
#include "cli/domain/domain_check.h"
#include "cli/domain/domain_keys.h"
#include "cli/domain/domain_name.h"
#include "cli/domain/domain_options.h"
#include "cli/domain/domain_remove.h"
#include "cli/input/named.h"
#include "cli/input/settings_options.h"
#include "cli/output/listing.h"
#include "cli/output/settings_show.h"
#include "cli/output/usage_print.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum exit_status print_records(struct cli *c, const char *name) {
  struct directory *d;
  enum records_format format;
  if (dns_records_read_format(c, &format) != EXIT_DONE) return EXIT_USAGE;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct domain *domain = directory_domain(d, name, false);
  enum exit_status s = EXIT_DONE;
  if (domain)
    s = dns_records_print(c, d, domain, format, NULL);
  else
    s = named_unknown(c, NAMED_DOMAIN, name);
  directory_release(&d);
  return s;
}

/* A domain without its keys would send unsigned mail in silence, so it comes with them or not at all. */
static int add_with_keys(struct cli *c, struct admin *a, const char *name, const struct key_choice *choice,
                         const struct brought_key *brought, struct reason *why) {
  int rc = admin_domain_add(a, name, cli_switch(c, "subdomains"), why);
  if (rc != OK) return rc;
  rc = brought ? brought_key_add(a, name, brought, why) : key_choice_add(a, name, choice, why);
  struct reason ignored;
  if (rc != OK) admin_domain_remove(a, name, &ignored);
  return rc;
}

static enum exit_status add_domain(struct cli *c, const char *name, const struct key_choice *choice,
                                   const struct brought_key *brought) {
  struct admin *a;
  struct reason why = {""};
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  int rc = add_with_keys(c, a, name, choice, brought, &why);
  if (cli_admin_done(c, &a, rc, &why) != EXIT_DONE) return EXIT_NO;
  if (!c->json) {
    printf("%s is added; mail from it is signed from now on. Publish these records:\n\n", name);
    key_length_note(brought ? brought->algorithm : KEY_RSA, brought ? brought->bits : choice->rsa_bits);
  }
  return print_records(c, name);
}

static enum exit_status add(struct cli *c) {
  char name[DOMAIN_MAX + 1];
  struct key_choice choice;
  struct brought_key brought;
  const char *file = cli_option(c, "import"), *selector = cli_option(c, "selector");
  if (file && cli_option(c, "key"))
    return cli_fail(EXIT_USAGE, "--key makes a key and --import brings one: say either");
  if (!file && selector) return cli_fail(EXIT_USAGE, "--selector names the key that --import FILE brings");
  if (key_choice_read(cli_option(c, "key"), &choice) != EXIT_DONE) return EXIT_USAGE;
  if (domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  if (!file) return add_domain(c, name, &choice, NULL);
  enum exit_status s = brought_key_read(file, selector, name, &brought);
  if (s != EXIT_DONE) return s;
  s = add_domain(c, name, NULL, &brought);
  brought_key_free(&brought);
  return s;
}

static enum exit_status records(struct cli *c) {
  char name[DOMAIN_MAX + 1];
  if (domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  return print_records(c, name);
}

static enum exit_status check(struct cli *c) {
  char name[DOMAIN_MAX + 1] = "";
  if (c->argument_count && domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  return domain_check(c, name);
}

static size_t active_keys(const struct domain *d) {
  size_t n = 0;
  for (size_t i = 0; i < d->key_count; i++) n += d->keys[i].state == KEY_ACTIVE;
  return n;
}

static json_t *domain_json(const struct directory *all, const struct domain *d) {
  json_t *keys = json_array();
  for (size_t i = 0; i < d->key_count; i++)
    json_array_append_new(keys, json_pack("{s:o, s:s, s:s}", "selector", json_text(d->keys[i].selector), "algorithm",
                                          key_algorithm_name(d->keys[i].algorithm), "state",
                                          key_state_name(d->keys[i].state)));
  json_t *selectors = json_object(), *settings = settings_json(&d->settings);
  for (int i = 0; i < STREAM_COUNT; i++)
    if (*d->stream_selector[i])
      json_object_set_new(selectors, stream_name((enum mail_stream)i), json_text(d->stream_selector[i]));
  const struct settings_place here = {.directory = all, .domain = d};
  json_t *object = json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "domain", json_text(d->name), "spf",
                             check_mode_name(settings_mode(&here, "spf")), "keys", keys, "stream_selectors", selectors,
                             "modes", settings_modes_json(&here), "created", json_time(d->created_us));
  if (object) domain_options_json(d, object);
  if (object) json_object_update(object, settings);
  json_decref(settings);
  return object;
}

static enum exit_status list(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  struct listing l;
  listing_begin(&l, c, (const char *const[]){"DOMAIN", "KEYS", "SPF"}, 3);
  for (size_t i = 0; i < d->domain_count; i++) {
    const struct settings_place here = {.directory = d, .domain = &d->domains[i]};
    char keys[32];
    snprintf(keys, sizeof keys, "%zu", active_keys(&d->domains[i]));
    listing_add(&l, domain_json(d, &d->domains[i]),
                (const char *const[]){d->domains[i].name, keys, check_mode_name(settings_mode(&here, "spf"))});
  }
  l.empty = "no domains yet; add one: sendoff domain add DOMAIN";
  listing_end(&l);
  directory_release(&d);
  return EXIT_DONE;
}

static void print_domain(const struct directory *all, const struct domain *d) {
  const struct settings_place here = {.directory = all, .domain = d};
  printf("%-14s %s\n", "domain", d->name);
  settings_print_limits(&here);
  settings_print_modes(&here);
  for (int i = 0; i < STREAM_COUNT; i++)
    if (*d->stream_selector[i])
      printf("%-14s %s of %s mail\n", "selector", d->stream_selector[i], stream_name((enum mail_stream)i));
  domain_options_print(d);
  for (size_t i = 0; i < d->key_count; i++)
    printf("%-14s %s, %s, %s\n", "key", d->keys[i].selector, d->keys[i].algorithm == KEY_RSA ? "RSA" : "Ed25519",
           key_state_name(d->keys[i].state));
}

static enum exit_status show_one(struct cli *c, const char *name) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct domain *domain = directory_domain(d, name, false);
  enum exit_status s = EXIT_DONE;
  if (!domain) {
    s = named_unknown(c, NAMED_DOMAIN, name);
  } else if (c->json) {
    print_json(domain_json(d, domain));
  } else {
    print_domain(d, domain);
  }
  directory_release(&d);
  return s;
}

static enum exit_status show(struct cli *c) {
  char name[DOMAIN_MAX + 1];
  return domain_name_read(c->arguments[0], name) == EXIT_DONE ? show_one(c, name) : EXIT_USAGE;
}

static enum exit_status print_usage(struct cli *c, const struct directory *d, struct reader *r) {
  char name[DOMAIN_MAX + 1] = "";
  if (c->argument_count && domain_name_read(c->arguments[0], name) != EXIT_DONE) return EXIT_USAGE;
  if (*name && !directory_domain(d, name, false)) return named_unknown(c, NAMED_DOMAIN, name);
  enum exit_status s = EXIT_DONE;
  if (!d->domain_count && !c->json) puts("no domains yet; add one: sendoff domain add DOMAIN");
  for (size_t i = 0; s == EXIT_DONE && i < d->domain_count; i++) {
    struct used used = {.scope = usage_scope_of_domain(&d->domains[i])};
    if (*name && strcmp(name, d->domains[i].name) != 0) continue;
    if (!*name && !c->json && i) puts("");
    s = usage_print_stored(c, r, &used, 1);
  }
  return s;
}

static enum exit_status usage(struct cli *c) {
  return usage_command(c, print_usage);
}

/* "bulk:SELECTOR" or "bulk:none". */
static enum exit_status set_selectors(struct cli *c, struct admin *a, const char *name, struct reason *why, int *rc) {
  for (size_t i = 0; *rc == OK && i < cli_option_count(c, "stream-selector"); i++) {
    const char *typed = cli_option_at(c, "stream-selector", i), *colon = strchr(typed, ':');
    char stream_text[32] = "";
    enum mail_stream stream;
    if (colon) bytes_copy((struct bytes){typed, (size_t)(colon - typed)}, stream_text, sizeof stream_text);
    if (!colon || !colon[1] || stream_parse(stream_text, &stream) != OK)
      return cli_fail(EXIT_USAGE, "--stream-selector %s: write STREAM:SELECTOR, as in bulk:s202611b, or bulk:none",
                      typed);
    *rc = admin_domain_set_selector(a, name, stream, strcmp(colon + 1, "none") == 0 ? "" : colon + 1, why);
  }
  return EXIT_DONE;
}

static enum exit_status set_all(struct cli *c, const char *name, const struct settings_draft *d) {
  struct admin *a;
  struct reason why = {""};
  struct domain_options more;
  if (domain_options_read(c, name, &more) != EXIT_DONE) return EXIT_USAGE;
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  int rc = admin_settings_set(a, SCOPE_DOMAIN, name, d->parts, &d->settings, &d->edit, &why);
  if (rc == OK && more.parts) rc = admin_domain_set(a, more.parts, &more.domain, &why);
  enum exit_status s = set_selectors(c, a, name, &why, &rc);
  enum exit_status done = cli_admin_done(c, &a, rc, &why);
  return s == EXIT_DONE ? done : s;
}

static enum exit_status set(struct cli *c) {
  char name[DOMAIN_MAX + 1];
  struct settings_draft *d = calloc(1, sizeof *d);
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = domain_name_read(c->arguments[0], name);
  if (s == EXIT_DONE) s = settings_options_read(c, d);
  if (s == EXIT_DONE && !c->option_count)
    s = cli_fail(EXIT_USAGE, "say what to change, as in --spf enforce; see: sendoff domain set --help");
  if (s == EXIT_DONE) s = named_check(c, NAMED_DOMAIN, name);
  if (s == EXIT_DONE) s = set_all(c, name, d);
  if (s == EXIT_DONE) s = show_one(c, name);
  free(d);
  return s;
}

const struct verb domain_verbs[] = {
    {"domain", "add", "DOMAIN [--key " KEY_CHOICES "] [--import FILE --selector S] [--subdomains]",
     "A domain that mail is sent from: makes its DKIM keys, prints the records to publish. --import: it signs with a "
     "key that there is already, an RSA or Ed25519 private key in PEM without a passphrase, published under that "
     "selector. --subdomains: also mail from its subdomains is signed with them.",
     "sendoff domain add example.com\n"
     "sendoff domain add example.com --key both\n"
     "sendoff domain add example.com --import mail.private --selector mail",
     1, 1, add},
    {"domain", "list", "", "All domains.", "sendoff domain list", 0, 0, list},
    {"domain", "show", "DOMAIN", "One domain: what each check does with its mail, and its keys.",
     "sendoff domain show example.com", 1, 1, show},
    {"domain", "usage", "[DOMAIN]", "What mail with the domain in From has used of its windows, beside its limits.",
     "sendoff domain usage example.com\n"
     "sendoff domain usage",
     0, 1, usage},
    {"domain", "records", "DOMAIN [--format zone|table|json]",
     "The DNS records to publish, ready to paste: into a zone file, or (table) a web form. An SPF record that DNS has "
     "already is kept, and the sources' addresses are added to it.",
     "sendoff domain records example.com\n"
     "sendoff domain records example.com --format table",
     1, 1, records},
    {"domain", "check", "[DOMAIN]",
     "What DNS has of it, at each of its name servers and at the resolver: its keys, and whether a signature verifies, "
     "SPF of each source, DMARC, where bounces go, the names of the sources' addresses, and MTA-STS, TLS-RPT and BIMI "
     "where they are announced. Exit status 1: something hurts, or DNS did not answer.",
     "sendoff domain check example.com", 0, 1, check},
    {"domain", "set",
     "DOMAIN [--CHECK off|observe|enforce|default]... [--limit SPEC|none]... [--add-limit|--remove-limit SPEC]... "
     "[--stream-selector STREAM:SELECTOR|none]... [--subdomains on|off] [--fallback on|off] [--rotate SPAN|never] "
     "[--delegate ZONE|none]",
     "What a check does with mail from the domain, its limits, and how it is signed.\n"
     "--CHECK: off, observe (a note in the log) or enforce; CHECK is one that sendoff policy list names. default "
     "takes back what was set here.\n"
     "--limit SPEC: counts all mail with the domain in From, whatever its account.\n"
     "--stream-selector: the key that signs mail of that stream.\n"
     "--subdomains: also mail from its subdomains is signed.\n"
     "--fallback: it also signs mail from domains that have no key here.\n"
     "--rotate SPAN: a key's successor is made when it is so old, as in 90d.\n"
     "--delegate ZONE: its keys are in that zone, which is yours, and its selectors lead there by CNAME; then "
     "nobody has to touch its DNS again.",
     "sendoff domain set example.com --spf enforce\n"
     "sendoff domain set example.com --dmarc enforce --limit 20000rcpt/day\n"
     "sendoff domain set example.com --dmarc default --limit none\n"
     "sendoff domain set example.com --rotate 90d --delegate dkim.example.net",
     1, 1, set},
    {"domain", "remove", "DOMAIN [--yes]",
     "Removes the domain and its keys; its mail is no longer signed. Says whose mail that is, and asks, when an "
     "account sends from it or mail that it has signed waits.",
     "sendoff domain remove example.com --yes", 1, 1, domain_remove},
    {0}};

#include "cli/dns_records.h"

#include "cli/output.h"
#include "dkim/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STRING_MAX 255 /* RFC 1035 3.3.14: a TXT record is made of strings of at most 255 octets */

static void print_record(const struct cli *c, const char *name, const char *value, const char *why) {
  if (c->json) {
    print_json(json_pack("{s:s, s:s, s:o}", "name", name, "type", "TXT", "value", json_text(value)));
    return;
  }
  printf("; %s\n%s. IN TXT", why, name);
  size_t len = strlen(value);
  bool parts = len > STRING_MAX;
  if (parts) printf(" (");
  for (size_t i = 0; i < len; i += STRING_MAX)
    printf("%s\"%.*s\"", parts ? "\n  " : " ", (int)(len - i < STRING_MAX ? len - i : STRING_MAX), value + i);
  puts(parts ? " )" : "");
  if (parts) printf("; the same in one piece, for a web form: %s\n", value);
  putchar('\n');
}

static void print_key(const struct cli *c, const struct signing_key *k) {
  char name[600];
  struct buffer value;
  buffer_init(&value, 16 * 1024);
  snprintf(name, sizeof name, "%s._domainkey.%s", k->selector, k->domain);
  if (key_record(k->algorithm, k->public_base64, &value) == OK && buffer_add(&value, "", 1) == OK)
    print_record(c, name, value.at,
                 k->algorithm == KEY_RSA ? "the key that mail is signed with (RSA)"
                                         : "the key that mail is signed with (Ed25519)");
  buffer_free(&value);
}

/* Several sources may be one address to the world. */
static bool is_new(const struct directory *d, size_t index) {
  for (size_t i = 0; i < index; i++)
    if (strcmp(source_public(&d->sources[i]), source_public(&d->sources[index])) == 0) return false;
  return true;
}

static int add_source(struct buffer *value, const struct directory *d, size_t index) {
  const char *seen = source_public(&d->sources[index]);
  return is_new(d, index) ? buffer_addf(value, " ip%c:%s", strchr(seen, ':') ? '6' : '4', seen) : OK;
}

static void print_spf(const struct cli *c, const struct directory *d, const char *domain) {
  struct buffer value;
  if (!d->source_count) {
    if (!c->json)
      printf("; SPF: first say where mail leaves from (sendoff source add ADDRESS --helo NAME), then: sendoff domain "
             "records %s\n\n",
             domain);
    return;
  }
  buffer_init(&value, 16 * 1024);
  int rc = buffer_addf(&value, "v=spf1");
  for (size_t i = 0; rc == OK && i < d->source_count; i++) rc = add_source(&value, d, i);
  if (rc == OK && buffer_addf(&value, " -all%c", 0) == OK)
    print_record(c, domain, value.at,
                 "who may send for the domain; if a v=spf1 record is there already, add the ip parts to it");
  buffer_free(&value);
}

void dns_records_print(const struct cli *c, const struct directory *d, const struct domain *domain) {
  char name[300];
  for (size_t i = 0; i < domain->key_count; i++)
    if (domain->keys[i].state == KEY_ACTIVE) print_key(c, &domain->keys[i]);
  print_spf(c, d, domain->name);
  snprintf(name, sizeof name, "_dmarc.%s", domain->name);
  print_record(c, name, "v=DMARC1; p=none",
               "what receivers do with mail that fails; begin with none, and tighten it when reports look right");
}

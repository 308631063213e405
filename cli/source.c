#include "base/address.h"
#include "base/cidr.h"
#include "base/global_address.h"
#include "cli/command.h"
#include "cli/listing.h"
#include "relay/net/local_address.h"

#include <stdio.h>
#include <string.h>

/* The address as everything else writes it. */
static bool canonical(const char *text, char out[IP_TEXT]) {
  struct sockaddr_storage address;
  if (ip_parse(text, 0, &address) != OK) return false;
  ip_format((struct sockaddr *)&address, out);
  return true;
}

/* An address that cannot be read is none of ours. */
static bool is_here(const char *address) {
  struct sockaddr_storage a;
  return ip_parse(address, 0, &a) == OK && address_is_here((const struct sockaddr *)&a);
}

/* Mail cannot leave from an address that no interface has; but it may be given to one later. */
static void warn_foreign(const char *address) {
  if (!is_here(address))
    cli_warn("%s is no address of this machine now; mail leaves from the others of its pool", address);
}

/* --helo as it goes over the wire, and --pool. */
static enum exit_status read_options(struct cli *c, char helo[DOMAIN_MAX + 1]) {
  const char *typed = cli_option(c, "helo"), *pool = cli_option(c, "pool");
  if (typed && (!domain_valid(bytes_of(typed)) || domain_normalize(bytes_of(typed), helo) != OK))
    return cli_fail(EXIT_USAGE, "--helo %s is no host name; write one as in smtp.example.com", typed);
  if (pool && !cli_name_ok(pool))
    return cli_fail(EXIT_USAGE, "--pool %s: a pool's name is 1 to 64 letters, digits and . _ @ + -", pool);
  return EXIT_DONE;
}

static enum exit_status add(struct cli *c) {
  char address[IP_TEXT];
  struct admin *a;
  struct reason why = {""};
  char helo[DOMAIN_MAX + 1] = "";
  if (!canonical(c->arguments[0], address)) return cli_fail(EXIT_USAGE, "%s is no IP address", c->arguments[0]);
  if (read_options(c, helo) != EXIT_DONE) return EXIT_USAGE;
  if (!*helo)
    return cli_fail(EXIT_USAGE, "--helo NAME is needed: the name that %s resolves to, as in smtp.example.com", address);
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  struct source s = {.address = address, .helo = helo, .pool = cli_option(c, "pool")};
  enum exit_status status = cli_admin_done(c, &a, admin_source_add(a, &s, &why), &why);
  if (status == EXIT_DONE) warn_foreign(address);
  return status;
}

static enum exit_status set(struct cli *c) {
  char address[IP_TEXT];
  struct admin *a;
  struct reason why = {""};
  char helo[DOMAIN_MAX + 1] = "";
  const char *pool = cli_option(c, "pool");
  if (!canonical(c->arguments[0], address)) return cli_fail(EXIT_USAGE, "%s is no IP address", c->arguments[0]);
  if (read_options(c, helo) != EXIT_DONE) return EXIT_USAGE;
  if (!*helo && !pool) return cli_fail(EXIT_USAGE, "say what to change: --helo NAME or --pool POOL");
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  return cli_admin_done(c, &a, admin_source_set(a, address, *helo ? helo : NULL, pool, &why), &why);
}

static enum exit_status remove_source(struct cli *c) {
  char address[IP_TEXT];
  struct admin *a;
  struct reason why = {""};
  if (!canonical(c->arguments[0], address)) return cli_fail(EXIT_USAGE, "%s is no IP address", c->arguments[0]);
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  return cli_admin_done(c, &a, admin_source_remove(a, address, &why), &why);
}

/* May mail leave from it? An IPv6 source that was never checked is not used either, but for minutes at most. */
static bool is_usable(const struct source *s) {
  bool needs_name = strchr(s->address, ':') && ip_is_global(s->address);
  return is_here(s->address) && (!needs_name || s->name == SOURCE_NAME_CONFIRMED);
}

static const char *state_of(const struct source *s) {
  if (!is_here(s->address)) return "not on this machine";
  if (!ip_is_global(s->address) || s->name == SOURCE_NAME_CONFIRMED) return "usable";
  if (s->name == SOURCE_NAME_UNKNOWN) return is_usable(s) ? "usable, name not checked" : "name not checked";
  return is_usable(s) ? "usable, name not confirmed" : "not used: name not confirmed";
}

static json_t *source_json(const struct source *s) {
  bool known = ip_is_global(s->address) && s->name != SOURCE_NAME_UNKNOWN;
  return json_pack("{s:s, s:o, s:o, s:b, s:o, s:o, s:o, s:o, s:o}", "address", s->address, "helo", json_text(s->helo),
                   "pool", json_text(s->pool), "usable", is_usable(s), "created", json_time(s->created_us), "ptr",
                   *s->ptr ? json_text(s->ptr) : json_null(), "confirmed",
                   known ? json_boolean(s->name == SOURCE_NAME_CONFIRMED) : json_null(), "checked",
                   known ? json_time(s->checked_us) : json_null(), "text", json_text(s->name_text));
}

/* What is to be done, below the table, where there is room for it. */
static void print_advice(const struct directory *d) {
  for (size_t i = 0; i < d->source_count; i++)
    if (d->sources[i].name == SOURCE_NAME_UNCONFIRMED)
      printf("\n%s: %s\n", d->sources[i].address, d->sources[i].name_text);
}

static enum exit_status list(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  struct listing l;
  listing_begin(&l, c, (const char *const[]){"ADDRESS", "HELO", "POOL", "STATE"}, 4);
  for (size_t i = 0; i < d->source_count; i++) {
    const struct source *s = &d->sources[i];
    listing_add(&l, source_json(s), (const char *const[]){s->address, s->helo, s->pool, state_of(s)});
  }
  listing_end(&l);
  if (!c->json) print_advice(d);
  directory_release(&d);
  return EXIT_DONE;
}

const struct verb source_verbs[] = {
    {"source", "add", "ADDRESS --helo NAME [--pool POOL]",
     "helo= pool=", "An address of this machine that mail leaves from, and the name it says in EHLO.",
     "sendoff source add 192.0.2.10 --helo smtp.example.com", 1, 1, add},
    {"source", "list", "", "",
     "All source addresses: whether this machine has them, and whether DNS confirms their names.",
     "sendoff source list", 0, 0, list},
    {"source", "set", "ADDRESS [--helo NAME] [--pool POOL]", "helo= pool=", "Changes one.",
     "sendoff source set 192.0.2.10 --pool bulk", 1, 1, set},
    {"source", "remove", "ADDRESS", "", "Removes one; connections that are open end as they would.",
     "sendoff source remove 192.0.2.10", 1, 1, remove_source},
    {0}};

#include "base/address.h"
#include "base/cidr.h"
#include "cli/command.h"
#include "cli/output.h"

#include <stdio.h>

/* The address as everything else writes it. */
static bool canonical(const char *text, char out[IP_TEXT]) {
  struct sockaddr_storage address;
  if (ip_parse(text, 0, &address) != OK) return false;
  ip_format((struct sockaddr *)&address, out);
  return true;
}

static enum exit_status add(struct cli *c) {
  char address[IP_TEXT];
  struct admin *a;
  struct reason why = {""};
  const char *helo = cli_option(c, "helo");
  if (!canonical(c->words[0], address)) return cli_fail(EXIT_WORDS, "%s is no IP address", c->words[0]);
  if (!helo || !domain_valid(bytes_of(helo)))
    return cli_fail(EXIT_WORDS, "--helo NAME is needed: the name that %s resolves to, as in smtp.example.com", address);
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  struct source s = {.address = address, .helo = helo, .pool = cli_option(c, "pool")};
  return cli_admin_done(c, &a, admin_source_add(a, &s, &why), &why);
}

static enum exit_status set(struct cli *c) {
  char address[IP_TEXT];
  struct admin *a;
  struct reason why = {""};
  const char *helo = cli_option(c, "helo"), *pool = cli_option(c, "pool");
  if (!canonical(c->words[0], address)) return cli_fail(EXIT_WORDS, "%s is no IP address", c->words[0]);
  if (!helo && !pool) return cli_fail(EXIT_WORDS, "say what to change: --helo NAME or --pool POOL");
  if (helo && !domain_valid(bytes_of(helo))) return cli_fail(EXIT_WORDS, "--helo %s is no host name", helo);
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  return cli_admin_done(c, &a, admin_source_set(a, address, helo, pool, &why), &why);
}

static enum exit_status remove_source(struct cli *c) {
  char address[IP_TEXT];
  struct admin *a;
  struct reason why = {""};
  if (!canonical(c->words[0], address)) return cli_fail(EXIT_WORDS, "%s is no IP address", c->words[0]);
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  return cli_admin_done(c, &a, admin_source_remove(a, address, &why), &why);
}

static enum exit_status list(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  struct table *t = table_new((const char *const[]){"ADDRESS", "HELO", "POOL"}, 3);
  for (size_t i = 0; i < d->source_count; i++) {
    const struct source *s = &d->sources[i];
    if (c->json)
      print_json(json_pack("{s:s, s:o, s:o, s:o}", "address", s->address, "helo", json_text(s->helo), "pool",
                           json_text(s->pool), "created", json_time(s->created_us)));
    else
      table_add(t, (const char *const[]){s->address, s->helo, s->pool});
  }
  table_print(&t);
  directory_release(&d);
  return EXIT_DONE;
}

const struct verb source_verbs[] = {
    {"source", "add", "ADDRESS --helo NAME [--pool POOL]",
     "helo= pool=", "An address of this machine that mail leaves from, and the name it says in EHLO.",
     "sendoff source add 192.0.2.10 --helo smtp.example.com", 1, 1, add},
    {"source", "list", "", "", "All source addresses.", "sendoff source list", 0, 0, list},
    {"source", "set", "ADDRESS [--helo NAME] [--pool POOL]", "helo= pool=", "Changes one.",
     "sendoff source set 192.0.2.10 --pool bulk", 1, 1, set},
    {"source", "remove", "ADDRESS", "", "Removes one; connections that are open end as they would.",
     "sendoff source remove 192.0.2.10", 1, 1, remove_source},
    {0}};

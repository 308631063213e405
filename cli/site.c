#include "cli/command.h"
#include "cli/output.h"
#include "relay/daemon/shaping_file.h"

#include <stdio.h>

struct checking {
  const struct cli *c;
  size_t problems;
};

static void print_problem(void *arg, const char *text) {
  struct checking *k = arg;
  k->problems++;
  if (k->c->json)
    print_json(json_pack("{s:o}", "problem", json_text(text)));
  else
    cli_fail(EXIT_NO, "%s", text);
}

static enum exit_status check(struct cli *c) {
  struct checking k = {.c = c};
  const char *path = c->argument_count ? c->arguments[0] : NULL;
  if (!path) {
    if (cli_config(c) != EXIT_DONE) return EXIT_NO;
    path = c->config->shaping ? c->config->shaping : shaping_default_path();
  }
  if (!shaping_check(path, print_problem, &k)) return EXIT_NO;
  struct shaping *s;
  struct reason why;
  int rc = shaping_load(path, &s, &why);
  if (rc != OK) return cli_failed(rc, &why);
  size_t rules = s->rest.rule_count;
  for (size_t i = 0; i < s->provider_count; i++) rules += s->providers[i].rule_count;
  if (c->json)
    print_json(json_pack("{s:o, s:I, s:I, s:b}", "file", json_text(path), "providers", (json_int_t)s->provider_count,
                         "rules", (json_int_t)rules, "ok", 1));
  else
    printf("%s is fine: %zu providers, %zu rules\n", path, s->provider_count, rules);
  shaping_release(&s);
  return EXIT_DONE;
}

const struct verb site_verbs[] = {
    {"site", "check", "[FILE]", "",
     "Reads a table of providers (shaping.conf) and says what is wrong, with file and line; by default the one in use.",
     "sendoff site check /etc/sendoff/shaping.conf", 0, 1, check},
    {0}};

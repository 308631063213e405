#include "cli/command.h"
#include "cli/input/settings_options.h"
#include "cli/output/output.h"
#include "cli/output/settings_show.h"
#include "cli/output/usage_print.h"

#include <stdio.h>
#include <stdlib.h>

static enum exit_status show(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct settings_place here = {.directory = d};
  if (c->json) {
    json_t *object = settings_json(&d->gateway);
    json_object_set_new(object, "modes", settings_modes_json(&here));
    print_json(object);
  } else {
    if (!d->gateway.all.count) printf("%-14s none\n", "limits");
    settings_print_limits(&here);
    settings_print_modes(&here);
  }
  directory_release(&d);
  return EXIT_DONE;
}

static enum exit_status print_usage(struct cli *c, const struct directory *d, struct reader *r) {
  struct used used = {.scope = usage_scope_of_gateway(d)};
  return usage_print_stored(c, r, &used, 1);
}

static enum exit_status usage(struct cli *c) {
  return usage_command(c, print_usage);
}

static enum exit_status write_settings(struct cli *c, const struct settings_draft *d) {
  struct admin *a;
  struct reason why = {""};
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  return cli_admin_done(c, &a, admin_settings_set(a, SCOPE_GATEWAY, "", d->parts, &d->settings, &d->edit, &why), &why);
}

static enum exit_status set(struct cli *c) {
  struct settings_draft *d = calloc(1, sizeof *d);
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = settings_options_read(c, d);
  if (s == EXIT_DONE && !c->option_count)
    s = cli_fail(EXIT_USAGE, "say what to change, as in --limit 100000/day; see: sendoff gateway set --help");
  if (s == EXIT_DONE) s = write_settings(c, d);
  if (s == EXIT_DONE) s = show(c);
  free(d);
  return s;
}

const struct verb gateway_verbs[] = {
    {"gateway", "show", "", "What holds for all mail: limits, and what each check does.", "sendoff gateway show", 0, 0,
     show},
    {"gateway", "usage", "", "What all mail together has used of its windows, beside the gateway's limits.",
     "sendoff gateway usage", 0, 0, usage},
    {"gateway", "set",
     "[--limit SPEC|none]... [--add-limit|--remove-limit SPEC]... [--CHECK off|observe|enforce|default]...",
     "Limits of the whole gateway, and what a check does where neither the account nor the domain says otherwise; "
     "CHECK is one that sendoff policy list names; default takes back what was set here.",
     "sendoff gateway set --limit 100000/day --dmarc observe\n"
     "sendoff gateway set --add-limit 20/second:smooth\n"
     "sendoff gateway set --dmarc default --limit none",
     0, 0, set},
    {0}};

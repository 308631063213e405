#include "policy/policy.h"
#include "cli/command.h"
#include "cli/output/output.h"
#include "cli/policy/policy_replay.h"

#include <stdio.h>
#include <string.h>

/* "mail, rcpt, commit": when it runs. */
static void stages_text(unsigned stages, char *out, size_t size) {
  size_t at = 0;
  out[0] = '\0';
  for (unsigned bit = 1; bit <= STAGE_LAST; bit <<= 1)
    if (stages & bit) at += (size_t)snprintf(out + at, size - at, "%s%s", at ? ", " : "", stage_name((enum stage)bit));
}

static void print_check(const struct check *k, const char *mode, const char *stages) {
  printf("%-16s %-8s at %s\n    ", k->name, mode, stages);
  print_wrapped(k->about, 4, 4, false);
}

static enum exit_status list(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  for (size_t i = 0; i < policy_check_count; i++) {
    const struct check *k = &policy_checks[i];
    char stages[128];
    const char *mode =
        k->fixed ? "always" : check_mode_name(directory_check_mode(d, NULL, NULL, k->name, k->otherwise));
    stages_text(k->stages, stages, sizeof stages);
    if (c->json)
      print_json(json_pack("{s:s, s:s, s:s, s:s}", "check", k->name, "at", stages, "mode", mode, "about", k->about));
    else
      print_check(k, mode, stages);
  }
  directory_release(&d);
  return EXIT_DONE;
}

const struct verb policy_verbs[] = {
    {"policy", "list", "",
     "Every check, in the order in which they are asked, with its mode for the gateway. Domains and accounts may have "
     "other modes: sendoff domain show, sendoff account show. To change one: sendoff gateway set --CHECK "
     "off|observe|enforce.",
     "sendoff policy list", 0, 0, list},
    {"policy", "replay",
     "--since T [--account NAME | --domain DOMAIN | --gateway] [--stream transactional|bulk] --limit SPEC [--list]",
     "What a limit would have refused, or put off, of the mail that was accepted since then, had it been there: for "
     "each account by itself, for one, for a domain's mail, or for all mail together. From the log; nothing is counted "
     "or changed. --list: which messages, and what their clients would have been told.",
     "sendoff policy replay --since 7d --account blog --limit 500/hour\n"
     "sendoff policy replay --since yesterday --limit 5000/day --list\n"
     "sendoff policy replay --since 7d --domain example.com --limit 20000rcpt/day\n"
     "sendoff policy replay --since 2026-11-01 --gateway --limit 10/second:smooth",
     0, 0, policy_replay},
    {0}};

#include "base/address/cidr.h"
#include "cli/command.h"
#include "cli/machine/machine.h"
#include "cli/output/output.h"
#include "relay/daemon/control_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address, or an IPv6 network as `sendoff status` shows it, or an account's name. */
static bool may_be_banned(const char *what) {
  struct cidr network;
  return cidr_parse(what, &network) == OK || cli_name_ok(what);
}

static enum exit_status report(struct cli *c, const char *what, struct bytes answer) {
  uint64_t lifted = 0;
  if (!bytes_starts_nocase(answer, BYTES("ok ")) || !bytes_to_u64(bytes_from(answer, 3), &lifted))
    return cli_fail(EXIT_NO, "the gateway's answer cannot be read");
  if (c->json)
    print_json(json_pack("{s:I}", "lifted", (json_int_t)lifted));
  else if (lifted)
    printf("%llu ban%s lifted\n", (unsigned long long)lifted, lifted == 1 ? "" : "s");
  if (!lifted && what) return cli_fail(EXIT_NO, "%s is not banned; sendoff status lists who is", what);
  if (!lifted && !c->json) printf("nobody is banned\n");
  return EXIT_DONE;
}

static enum exit_status unban(struct cli *c) {
  const char *what = c->argument_count ? c->arguments[0] : NULL;
  char request[160];
  if (!what == !cli_switch(c, "all"))
    return cli_fail(EXIT_USAGE, "write one of: sendoff unban ADDRESS, sendoff unban ACCOUNT, sendoff unban --all");
  if (what && !may_be_banned(what)) return cli_fail(EXIT_USAGE, "%s is neither an address nor an account's name", what);
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  struct buffer answer;
  buffer_init(&answer, 4096);
  snprintf(request, sizeof request, "unban%s%s", what ? " " : "", what ? what : "");
  int rc = control_ask(c->config->data_dir, request, &answer);
  enum exit_status out = EXIT_NO;
  if (rc == E_NOT_FOUND)
    cli_fail(EXIT_NO, "the gateway is not running, and no ban outlives it");
  else if (rc == E_DENIED)
    cli_fail(EXIT_NO, "the gateway says: %.*s", (int)answer.len, answer.at);
  else if (rc != OK)
    machine_no_answer(c->config);
  else
    out = report(c, what, buffer_bytes(&answer));
  buffer_free(&answer);
  return out;
}

const struct verb unban_verbs[] = {{"unban", NULL, "ADDRESS|ACCOUNT|--all",
                                    "Lifts the ban on an address, or lets logins to an account come from any address "
                                    "again. sendoff status lists them.",
                                    "sendoff unban 192.0.2.7", 0, 1, unban},
                                   {0}};

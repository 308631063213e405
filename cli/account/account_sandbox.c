#include "cli/account/account_sandbox.h"

#include "cli/machine/operator_name.h"
#include "cli/queue/queue_bulk.h"
#include "store/read.h"

#include <stdio.h>
#include <string.h>

void account_sandbox_add(struct cli *c, struct draft *d) {
  d->account.sandbox = cli_switch(c, "sandbox");
  if (d->account.sandbox) d->parts |= ACCOUNT_SANDBOX;
}

enum exit_status account_sandbox_set(struct cli *c, struct draft *d) {
  const char *text = cli_option(c, "sandbox");
  if (!text) return EXIT_DONE;
  d->parts |= ACCOUNT_SANDBOX;
  d->account.sandbox = strcmp(text, "on") == 0;
  return d->account.sandbox || strcmp(text, "off") == 0 ? EXIT_DONE : cli_fail(EXIT_USAGE, "--sandbox is on or off");
}

enum exit_status account_sandbox_begins(struct cli *c, const struct draft *d, bool *begins) {
  struct directory *dir;
  *begins = false;
  if (!(d->parts & ACCOUNT_SANDBOX) || !d->account.sandbox) return EXIT_DONE;
  if (cli_directory(c, &dir) != EXIT_DONE) return EXIT_NO;
  const struct account *now = directory_account(dir, bytes_of(c->arguments[0]));
  *begins = now && !now->sandbox;
  directory_release(&dir);
  return EXIT_DONE;
}

void account_sandbox_print_held(const char *name, uint64_t held) {
  if (!held) return;
  printf("%llu queued recipient%s of mail that was to be sent before it %s held; to send that after all: sendoff queue "
         "release --account %s\n",
         (unsigned long long)held, held == 1 ? "" : "s", held == 1 ? "is" : "are", name);
}

enum exit_status account_sandbox_hold(struct cli *c, uint64_t *recipients) {
  struct admin *a;
  struct reason why = {""};
  char by[OPERATOR_NAME];
  struct queue_changed held = {0};
  const struct queue_filter f = {.account = c->arguments[0], .state = -1};
  struct queue_change change = {.action = QUEUE_HOLD, .hold = HOLD_COMMAND, .by = operator_name(by)};
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = cli_admin_done(c, &a, queue_bulk_run_of(a, &f, &change, 0, &held, &why), &why);
  *recipients = held.recipients;
  return s;
}

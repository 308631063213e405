#include "cli/account/account_usage.h"

#include "cli/input/named.h"
#include "cli/output/usage_print.h"

#include <stdio.h>

/* The account, then each stream that has limits of its own. */
static enum exit_status print_account(const struct cli *c, struct reader *r, const struct account *a) {
  struct used all[1 + STREAM_COUNT] = {{.scope = usage_scope_of_account(a)}};
  char owners[STREAM_COUNT][STREAM_OWNER_TEXT];
  size_t count = 1;
  for (int i = 0; i < STREAM_COUNT; i++)
    if (a->settings.stream[i].count) all[count++].scope = usage_scope_of_stream(a, (enum mail_stream)i, owners[i]);
  return usage_print_stored(c, r, all, count);
}

static enum exit_status print_accounts(struct cli *c, const struct directory *d, struct reader *r) {
  const struct account *one = NULL;
  if (c->argument_count && !(one = directory_account(d, bytes_of(c->arguments[0]))))
    return named_unknown(c, NAMED_ACCOUNT, c->arguments[0]);
  if (one) return print_account(c, r, one);
  enum exit_status s = EXIT_DONE;
  if (!d->account_count && !c->json) puts("no accounts yet; add one: sendoff account add NAME --sender DOMAIN");
  for (size_t i = 0; s == EXIT_DONE && i < d->account_count; i++) {
    if (!c->json && i) puts("");
    s = print_account(c, r, &d->accounts[i]);
  }
  return s;
}

enum exit_status account_usage(struct cli *c) {
  return usage_command(c, print_accounts);
}

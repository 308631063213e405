#include "cli/account_usage.h"

#include "cli/usage_print.h"

#include <stdio.h>

static enum exit_status print_accounts(struct cli *c, const struct directory *d, struct reader *r) {
  const struct account *one = NULL;
  if (c->argument_count && !(one = directory_account(d, bytes_of(c->arguments[0]))))
    return cli_fail(EXIT_NO, "there is no account %s; see: sendoff account list", c->arguments[0]);
  enum exit_status s = EXIT_DONE;
  for (size_t i = 0; s == EXIT_DONE && i < d->account_count; i++) {
    struct usage_scope scope = usage_scope_of_account(&d->accounts[i]);
    if (one && one != &d->accounts[i]) continue;
    if (!one && !c->json && i) puts("");
    s = usage_print_stored(c, r, &scope);
  }
  return s;
}

enum exit_status account_usage(struct cli *c) {
  struct directory *d;
  struct reader *r;
  enum exit_status s = cli_directory(c, &d);
  if (s != EXIT_DONE) return s;
  s = cli_reader(c, &r);
  if (s == EXIT_DONE) {
    s = print_accounts(c, d, r);
    reader_close(&r);
  }
  directory_release(&d);
  return s;
}

/* What somebody has used of each window, and of each limit how much is left and when it recovers: for accounts, domains
 * and the gateway alike. One thread. */
#ifndef SENDOFF_CLI_USAGE_PRINT_H
#define SENDOFF_CLI_USAGE_PRINT_H

#include "base/usage.h"
#include "base/usage_scope.h"
#include "cli/command.h"

/* Prints it: a JSON object, or a heading and two tables. `u` is rolled to now. */
void usage_print(const struct cli *c, const struct usage_scope *scope, const struct usage *u);
/* The same, read from the store. */
enum exit_status usage_print_stored(const struct cli *c, struct reader *r, const struct usage_scope *scope);

#endif

/* What somebody has used of each window, and of each limit how much is left and when it recovers: for accounts, domains
 * and the gateway alike. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_USAGE_PRINT_H
#define SENDOFF_CLI_OUTPUT_USAGE_PRINT_H

#include "base/usage/usage.h"
#include "base/usage/usage_scope.h"
#include "cli/command.h"

struct used {
  struct usage_scope scope;
  struct usage usage; /* rolled to now */
};

/* Prints an owner, and below it the limits of the scopes that are part of it (the streams of an account): one JSON
 * object, or headings and tables. */
void usage_print(const struct cli *c, const struct used *all, size_t count);
/* The same, with what each has used read from the store. */
enum exit_status usage_print_stored(const struct cli *c, struct reader *r, struct used *all, size_t count);
/* A verb that prints usage: opens what it needs. */
enum exit_status usage_command(struct cli *c,
                               enum exit_status (*print)(struct cli *c, const struct directory *d, struct reader *r));

#endif

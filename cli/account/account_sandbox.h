/* `--sandbox`: mail of an account that is played, and never leaves (docs/simulator.md). */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_SANDBOX_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_SANDBOX_H

#include "cli/account/account_options.h"

/* Of `account add`: a switch. */
void account_sandbox_add(struct cli *c, struct draft *d);
/* Of `account set`: on or off. */
enum exit_status account_sandbox_set(struct cli *c, struct draft *d);
/* Does the draft put the account into a sandbox, where it is not now? EXIT_NO: a message has been printed. */
enum exit_status account_sandbox_begins(struct cli *c, const struct draft *d, bool *begins);
/* It has begun: what was accepted before is to be sent, and waits for somebody to say so. How much that is goes to
 * `recipients`. EXIT_NO: a message has been printed. */
enum exit_status account_sandbox_hold(struct cli *c, uint64_t *recipients);
void account_sandbox_print_held(const char *name, uint64_t held); /* nothing, where nothing is */

#endif

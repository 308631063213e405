/* --account of a command that looks for something. One thread. */
#ifndef SENDOFF_CLI_INPUT_ACCOUNT_FILTER_H
#define SENDOFF_CLI_INPUT_ACCOUNT_FILTER_H

#include "cli/command.h"

/* Asked when nothing was found. EXIT_DONE: `name` is NULL, or there is or was such an account. EXIT_NO: it is mistyped,
 * which has been said, with the name that was probably meant. */
enum exit_status account_filter_check(struct cli *c, const char *name);

#endif

/* The verbs that show accounts. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_SHOW_H
#define SENDOFF_CLI_ACCOUNT_SHOW_H

#include "cli/command.h"

enum exit_status account_list(struct cli *c);
enum exit_status account_show(struct cli *c);
/* After a change: the account as `show` prints it; in JSON with `key` and `value` besides, unless `key` is NULL. */
enum exit_status account_print_change(struct cli *c, const char *name, const char *key, uint64_t value);

#endif

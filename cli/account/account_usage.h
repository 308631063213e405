/* What accounts have used of their windows, beside their limits. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_USAGE_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_USAGE_H

#include "cli/command.h"

enum exit_status account_usage(struct cli *c); /* the verb */

#endif

/* The verbs that show accounts. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_SHOW_H
#define SENDOFF_CLI_ACCOUNT_SHOW_H

#include "cli/command.h"

enum exit_status account_list(struct cli *c);
enum exit_status account_show(struct cli *c);

#endif

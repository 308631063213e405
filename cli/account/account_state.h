/* sendoff account suspend, resume, remove: what becomes of the account, and of its mail in the queue. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_STATE_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_STATE_H

#include "cli/command.h"

enum exit_status account_suspend(struct cli *c);
enum exit_status account_resume(struct cli *c);
enum exit_status account_remove(struct cli *c);

#endif

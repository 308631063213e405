/* --local-user: the users of this machine that send for an account by the local socket. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_LOCAL_USERS_H
#define SENDOFF_CLI_ACCOUNT_LOCAL_USERS_H

#include "cli/account/account_options.h"

/* Into the draft, in the form that the store has (base/directory/directory.h): a number becomes the name that the user
 * has here. EXIT_USAGE: the message has been printed. */
enum exit_status local_users_read(struct cli *c, struct draft *d);

#endif

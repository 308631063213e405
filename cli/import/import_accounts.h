/* `import accounts`: a list of accounts, all of them or none. One thread. */
#ifndef SENDOFF_CLI_IMPORT_IMPORT_ACCOUNTS_H
#define SENDOFF_CLI_IMPORT_IMPORT_ACCOUNTS_H

#include "cli/command.h"

/* --passwords, --yes, --dry-run. */
enum exit_status import_accounts(struct cli *c);

#endif

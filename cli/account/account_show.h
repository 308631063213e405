/* The verbs that show accounts. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_SHOW_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_SHOW_H

#include "cli/command.h"

#include <jansson.h>

enum exit_status account_list(struct cli *c);
enum exit_status account_show(struct cli *c);
/* After a change: the account as `show` prints it; in JSON with what `more` has besides. Releases `more`, which may be
 * NULL. */
enum exit_status account_print_change(struct cli *c, const char *name, json_t *more);

/* After it was made: who it may send as, and how much. */
void account_print_made(struct cli *c, const char *name);

#endif

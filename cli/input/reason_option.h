/* Why an operator does something: --reason, as it stands in a reply or a notice. One thread. */
#ifndef SENDOFF_CLI_REASON_OPTION_H
#define SENDOFF_CLI_REASON_OPTION_H

#include "cli/command.h"

/* *reason: what was given, one line that leaves room for the rest of a reply (RFC 5321 4.5.3.1.5); NULL: nothing was.
 * EXIT_USAGE: it is no such line, and that has been printed. */
enum exit_status reason_option(const struct cli *c, const char **reason);

#endif

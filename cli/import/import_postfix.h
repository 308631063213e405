/* `import postfix`: what a Postfix set-up for sending comes to here. One thread. */
#ifndef SENDOFF_CLI_IMPORT_IMPORT_POSTFIX_H
#define SENDOFF_CLI_IMPORT_IMPORT_POSTFIX_H

#include "cli/command.h"

/* EXIT_NO: something was left out, or it failed; a message has been printed. */
enum exit_status import_postfix(struct cli *c);

#endif

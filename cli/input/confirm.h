/* The question before a bulk change. One thread. */
#ifndef SENDOFF_CLI_INPUT_CONFIRM_H
#define SENDOFF_CLI_INPUT_CONFIRM_H

#include "cli/command.h"

/* Whether what has been printed is to be done: --yes, or the answer at the terminal. EXIT_NO: the answer is no;
 * EXIT_USAGE: nobody is there to answer. A message has been printed with both. */
enum exit_status confirm(const struct cli *c, const char *question);

#endif

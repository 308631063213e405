/* The man pages, made from the table of commands, the topics and the keys of the configuration. One thread. */
#ifndef SENDOFF_CLI_HELP_MAN_PAGES_H
#define SENDOFF_CLI_HELP_MAN_PAGES_H

#include "cli/command.h"

/* sendoff.1, sendoff-NOUN.1 for each noun, and sendoff.conf.5, into man1 and man5 below a directory that is there.
 * EXIT_NO: a message has been printed. */
enum exit_status man_pages_write(const char *dir);

#endif

/* What --help prints: for all commands, a noun's or one. Needs no configuration. One thread. */
#ifndef SENDOFF_CLI_HELP_HELP_H
#define SENDOFF_CLI_HELP_HELP_H

#include "cli/command.h"

void help_all(void);
void help_noun(const struct verb *first);
void help_verb(const struct verb *v);

/* The first sentence of a verb's summary, with its full stop. A view. */
struct bytes help_sentence(const char *summary);

#endif

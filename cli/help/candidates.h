/* What may come next in a command line: nouns, verbs, options, and names out of the store. One thread. */
#ifndef SENDOFF_CLI_HELP_CANDIDATES_H
#define SENDOFF_CLI_HELP_CANDIDATES_H

#include "cli/command.h"

/* `words` are what stands behind "sendoff"; the last is being typed and may be "". Prints those that begin with it, one
 * a line, with what it is behind a tab; ":files" alone means names of files. Nothing when the store cannot be read. */
void candidates_print(struct cli *c, const char *const *words, size_t count);

#endif

/* The one table of commands: what is typed, --help, the man pages and completion come from it. One thread. */
#ifndef SENDOFF_CLI_NOUNS_H
#define SENDOFF_CLI_NOUNS_H

#include "cli/command.h"

struct noun {
  const struct verb *verbs; /* ended by a noun of NULL */
  const char *summary;      /* for lists of commands, and NAME of its man page */
};
extern const struct noun cli_nouns[];
extern const size_t cli_noun_count;

const struct noun *noun_find(const char *name); /* NULL: there is none */
/* The verb of that name, or the one without a name; NULL: neither. `name` NULL: the one without. */
const struct verb *noun_verb(const struct verb *verbs, const char *name);

#endif

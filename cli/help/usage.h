/* What a verb's usage says, taken apart: its options with the placeholders of their values, and its arguments. Parsing,
 * --help, the man pages and completion all read the usage, so that none of them can say something else. One thread. */
#ifndef SENDOFF_CLI_HELP_USAGE_H
#define SENDOFF_CLI_HELP_USAGE_H

#include "base/bytes.h"

#include <stdbool.h>

/* "[--account NAME]", "[--add-limit|--remove-limit SPEC]...", "[--yes]", "NAME", "ID...". Views into the usage. */
struct usage_word {
  struct bytes option; /* without the dashes; empty: an argument */
  struct bytes value;  /* the placeholder: of the option's value, empty for a switch; or of the argument */
};

struct usage_walk {
  const char *at;
  struct bytes pending; /* what is left of options that share a placeholder: "add-limit|--remove-limit" */
  struct bytes shared;
};
#define USAGE_WALK(usage) ((struct usage_walk){.at = (usage)})

/* The next option or argument; false: that was all. */
bool usage_next(struct usage_walk *w, struct usage_word *out);

enum usage_option { USAGE_UNKNOWN, USAGE_SWITCH, USAGE_VALUE };
/* What an option is. --CHECK in a usage stands for every check that has a mode; `value` (NULL: of no interest) gets its
 * placeholder. */
enum usage_option usage_find(const char *usage, struct bytes option, struct bytes *value);
/* The placeholder of the argument at `index`; the last repeats when it ends in "...". Empty: there is none. */
struct bytes usage_argument(const char *usage, size_t index);
bool usage_has_checks(const char *usage);

#endif

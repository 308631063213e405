/* What placeholders in usages stand for, where they do not say it themselves: SPEC, T, CHECK. One thread. */
#ifndef SENDOFF_CLI_HELP_PLACEHOLDERS_H
#define SENDOFF_CLI_HELP_PLACEHOLDERS_H

#include <stdbool.h>
#include <stddef.h>

struct placeholder {
  const char *word;
  const char *meaning;
};
extern const size_t placeholder_count;
/* The index-th, when the usage has it; its meaning may be made in `room`. */
bool placeholder_of(const char *usage, size_t index, struct placeholder *out, char *room, size_t size);

#endif

/* Writing the configuration file for the first time: never over one that says something. The package installs one of
 * comments alone, which stay on top of what is written. One thread. */
#ifndef SENDOFF_CLI_SETUP_NEW_CONFIG_H
#define SENDOFF_CLI_SETUP_NEW_CONFIG_H

#include "base/result.h"

#include <stdbool.h>
#include <stdio.h>

/* There is a file, with a setting in it, or one that cannot be read. */
bool new_config_is_taken(const char *path);

struct new_config {
  const char *path;
  char beside[4096 + 8]; /* what is written, until it is whole */
  FILE *file;            /* to write to */
};
/* `path` must live until the end, and not be taken. E_IO; E_EXISTS: somebody else is writing one. */
int new_config_begin(struct new_config *n, const char *path, struct reason *why);
/* Synced and in its place, in the place of comments with their owner and mode, else readable by all: the user that
 * serves is another one. On failure nothing has changed. */
int new_config_end(struct new_config *n, struct reason *why);

#endif

/* Folders that commands make, and what they put into them. One thread. */
#ifndef SENDOFF_CLI_MACHINE_FOLDER_H
#define SENDOFF_CLI_MACHINE_FOLDER_H

#include "cli/command.h"

#include <sys/types.h>

/* The folder, with this mode, and those above it that are not there yet (0755). One that is there stays as it is.
 * EXIT_NO: a message has been printed. */
enum exit_status folder_make(const char *path, mode_t mode);
/* False also when it cannot be read. */
bool folder_is_empty(const char *path);
/* All that is in it, and itself; links are not followed. 0, or errno as it was left. */
int folder_remove(const char *path);
/* Gives the file or folder `from` the name `to`, which nothing may have; a file system that cannot tell replaces what
 * has it. 0, or -1 with errno. */
int rename_new(const char *from, const char *to);

#endif

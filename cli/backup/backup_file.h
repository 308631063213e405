/* Where a backup is written to: the file under a name of its own until it is whole, and beside it the copy of the
 * database. One thread. */
#ifndef SENDOFF_CLI_BACKUP_BACKUP_FILE_H
#define SENDOFF_CLI_BACKUP_BACKUP_FILE_H

#include "base/directory/config.h"
#include "cli/command.h"

#define BACKUP_PATH 4096

struct backup_file {
  const char *path;                                   /* as it was named; "-": standard output */
  char new_path[BACKUP_PATH], copy_path[BACKUP_PATH]; /* new_path: "" with standard output */
  char folder[BACKUP_PATH];                           /* a temporary one; "": there is none */
  int fd;
  bool force; /* what is there under the name may be replaced */
  bool named; /* it is whole, and has its name */
};

/* Never into the gateway's own folder, or over its configuration. Both files hold keys: their mode is 0600. What an
 * earlier backup has left of them is removed, one that is under way is not touched. EXIT_NO: a message has been
 * printed. backup_file_close in any case. */
enum exit_status backup_file_open(struct backup_file *f, const char *path, const struct config *config, bool force);
/* Everything is written: synced, and under its name. When that fails, and it is `named`, its folder could not be
 * synced. */
int backup_file_finish(struct backup_file *f, struct reason *why);
/* Removes what has not got its name, and the copy. */
void backup_file_close(struct backup_file *f);

#endif

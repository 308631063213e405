/* The files that the store has open, and whether they are still the ones at its path: what is committed to a file that
 * was removed, or that another was put over, is gone when the gateway ends. Private to store/; one thread. */
#ifndef SENDOFF_STORE_SQLITE_FILES_H
#define SENDOFF_STORE_SQLITE_FILES_H

#include "base/result.h"

#include <stdbool.h>
#include <sys/types.h>

#define FILES_COUNT 3 /* the database, its write-ahead log, and the index of that */

struct files {
  struct {
    char path[512];
    dev_t device;
    ino_t inode;
    bool known;
  } all[FILES_COUNT];
};

/* E_TOO_BIG: the path is too long. */
int files_init(struct files *f, const char *data_dir, struct reason *why);
/* Private keys and verifiers of passwords are in them: what others may read or write is theirs no longer, and the log
 * says so. */
void files_make_private(const struct files *f);
/* They were opened just now. The database stays the one that it was at first. */
void files_note(struct files *f);
/* E_NOT_FOUND, with the reason, when one has gone. A disk that does not say is no proof of that. */
int files_check(const struct files *f, struct reason *why);

#endif

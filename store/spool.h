/* Files for content too large for a row: DATA_DIR/spool/XX/ID, where XX is the id's last two base32 characters.
 * Blocking; called on libuv's pool (writing, reading) and on the writer thread (removal). A file is safe once
 * spool_finish returned OK: file and folder are synced. */
#ifndef SENDOFF_STORE_SPOOL_H
#define SENDOFF_STORE_SPOOL_H

#include "base/bytes.h"
#include "base/result.h"

#include <stdint.h>

int spool_begin(const char *data_dir, int64_t id, int *fd,
                struct reason *why);                            /* makes the file, mode 0600; E_IO if it is there */
int spool_write(int fd, struct bytes data, struct reason *why); /* all of it */
int spool_finish(const char *data_dir, int64_t id, int *fd, struct reason *why); /* syncs, closes (also on failure) */
int spool_open(const char *data_dir, int64_t id, int *fd, struct reason *why);   /* for reading; E_NOT_FOUND */
#define SPOOL_NAME 32
void spool_name(int64_t id, char out[SPOOL_NAME]);    /* "spool/XX/ID", its path below DATA_DIR */
int spool_name_parse(const char *name, int64_t *out); /* OK, or E_SYNTAX: no file of ours is called that */
void spool_remove(const char *data_dir, int64_t id);  /* no complaint when it is not there */

#endif

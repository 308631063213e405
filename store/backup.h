/* A copy of a store that is in use, and the check of one that was put back. A copy is the database as it was at one
 * instant, with the spool files of the messages in it. One thread. Functions return OK or E_NOT_FOUND, E_NEWER, E_BUSY,
 * E_FULL, E_IO, E_MEMORY with `why` (not NULL). */
#ifndef SENDOFF_STORE_BACKUP_H
#define SENDOFF_STORE_BACKUP_H

#include "base/result.h"
#include "store/spool.h"

#include <stdint.h>

struct backup_counts {
  int64_t schema; /* the version of the store's tables */
  uint64_t accounts, domains, keys, sources, routes, messages, recipients, events;
};

struct backup;
/* The instant that the copy is of. `path`: where the database is copied to; there is no such file yet, and it is made
 * with mode 0600. The gateway goes on writing meanwhile; until the copy is whole its write-ahead log only grows. */
int backup_begin(const char *data_dir, const char *path, struct backup **out, struct reason *why);
/* Copies a part: 1: there is more, 0: the database is copied. */
int backup_step(struct backup *b, uint64_t *octets, uint64_t *of, struct reason *why);
/* What the copy holds; after backup_step has returned 0. */
int backup_count(struct backup *b, struct backup_counts *out, struct reason *why);
/* The next spool file of a message in the copy, open for reading; the caller closes it. 1; 0: there are no more. */
int backup_next_file(struct backup *b, int64_t *id, int *fd, struct reason *why);
/* Messages whose file was not there any more are taken out of the copy, which is then whole and closed.
 * `gone`: they were delivered or returned meanwhile, which the copy's log has from now on, too. `lost`: they are in the
 * queue, and something else has removed their file. `left`: what the copy holds then. */
int backup_end(struct backup *b, struct backup_counts *left, uint64_t *gone, uint64_t *lost, struct reason *why);
void backup_free(struct backup **b); /* the file stays */
/* E_FULL: `fd` is on the disk of the store, and no more than `reserve` (struct store_options) is free there: what is
 * written to it would take the room that mail needs. */
int backup_check_room(const struct backup *b, uint64_t reserve, int fd, struct reason *why);

/* A store that was put into `dir`, and that nobody uses yet: brought to this version and checked, the database and that
 * each message has its content. E_NEWER; E_SYNTAX: it is damaged. */
int backup_check(const char *dir, struct backup_counts *out, struct reason *why);

#endif

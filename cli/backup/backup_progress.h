/* How far a backup or its restoration is, on a terminal; and its end by SIGINT, SIGTERM or SIGHUP, which leaves nothing
 * behind. One thread. */
#ifndef SENDOFF_CLI_BACKUP_BACKUP_PROGRESS_H
#define SENDOFF_CLI_BACKUP_BACKUP_PROGRESS_H

#include "base/result.h"

#include <stdint.h>

void backup_progress_begin(void);
/* `of` 0: nobody knows. On standard error, where that is a terminal, some times a second. E_DENIED with `why`: a signal
 * has come. */
int backup_progress_show(const char *what, uint64_t octets, uint64_t of, struct reason *why);
void backup_progress_end(void); /* the line goes, and signals do what they did */

#endif

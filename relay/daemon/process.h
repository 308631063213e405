/* What the gateway needs from its process and its data directory before any part starts. Main thread, before any other
 * runs. */
#ifndef SENDOFF_RELAY_DAEMON_PROCESS_H
#define SENDOFF_RELAY_DAEMON_PROCESS_H

#include "base/result.h"

#include <stddef.h>

/* Passwords and private keys are in memory: no core dumps, and no other process of the same user may look in or attach.
 * A change of user undoes it (prctl(2), PR_SET_DUMPABLE), so once more after that. */
void process_conceal(void);
/* Signals, umask, file limit, heap, and the size of libuv's pool, for so many loops. */
void process_set_up(size_t loops);
/* Warns when not so many sessions, and what the gateway has open besides, can be open at once. */
void process_check_files(unsigned sessions);
/* Locks the data directory for as long as `*fd` is open. E_BUSY: another gateway has it. E_IO. `*fd` is -1 on E_IO; the
 * caller closes it otherwise. */
int process_lock(const char *data_dir, int *fd, struct reason *why);

#endif

/* Becoming the configured user, once ports are bound. Main thread, before any other runs. */
#ifndef SENDOFF_RELAY_DAEMON_PRIVILEGES_H
#define SENDOFF_RELAY_DAEMON_PRIVILEGES_H

#include "base/result.h"

#include <stdbool.h>

/* Started as root: becomes `user` permanently. Started as another user: OK if it is `user` already, else E_DENIED.
 * NULL: no change, and a warning when that is root. E_NOT_FOUND: no such user. E_IO. */
int privileges_drop(const char *user, struct reason *why);

/* Is this process root, or the user that the gateway runs as: `user`, or without one (NULL) the owner of its data? */
bool privileges_serves(const char *user, const char *data_dir);

#endif

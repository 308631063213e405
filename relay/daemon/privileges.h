/* Becoming the configured user, once ports are bound. Main thread, before any other runs. */
#ifndef SENDOFF_RELAY_DAEMON_PRIVILEGES_H
#define SENDOFF_RELAY_DAEMON_PRIVILEGES_H

#include "base/result.h"

/* Started as root: becomes `user` permanently. Started as another user: OK if it is `user` already, else E_DENIED.
 * NULL: no change, and a warning when that is root. E_NOT_FOUND: no such user. E_IO. */
int privileges_drop(const char *user, struct reason *why);

#endif

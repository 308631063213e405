/* Becoming the configured user once ports are bound and files that only root may read are open. Main thread, before
 * others run. */
#ifndef SENDOFF_RELAY_DAEMON_PRIVILEGES_H
#define SENDOFF_RELAY_DAEMON_PRIVILEGES_H

#include "base/result.h"

/* NULL user: stays who it is. Otherwise, started as root: becomes that user for good. Started as somebody else: OK only
 * if that is the user already. */
int privileges_drop(const char *user, struct reason *why);

#endif

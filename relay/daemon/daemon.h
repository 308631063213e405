/* The gateway as a whole: starts everything, runs until SIGTERM or SIGINT, ends in order. Main thread. */
#ifndef SENDOFF_RELAY_DAEMON_DAEMON_H
#define SENDOFF_RELAY_DAEMON_DAEMON_H

#include "base/config.h"
#include "base/result.h"

/* OK after an orderly end. SIGHUP reads the certificate again. Tells systemd when it is ready and when it stops
 * (sd_notify). */
int daemon_run(const struct config *config, struct reason *why);

#endif

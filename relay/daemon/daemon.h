/* The gateway as a whole: starts every part, runs until SIGTERM or SIGINT, and shuts down in order. Main thread. */
#ifndef SENDOFF_RELAY_DAEMON_DAEMON_H
#define SENDOFF_RELAY_DAEMON_DAEMON_H

#include "base/directory/config.h"
#include "base/result.h"

/* OK after an orderly shutdown; else the reason why it cannot start. SIGHUP reloads the certificates. The service
 * manager hears when it is ready, reloads and stops, and how it is (service_manager.h). */
int daemon_run(const struct config *config, struct reason *why);

#endif

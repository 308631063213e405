/* The configuration file (libconfuse): only what the daemon needs to start; everything else is in the store. */
#ifndef SENDOFF_RELAY_DAEMON_CONFIG_H
#define SENDOFF_RELAY_DAEMON_CONFIG_H

#include "base/directory/config.h"
#include "base/result.h"

#define CONFIG_DEFAULT_PATH "/etc/sendoff/sendoff.conf"

/* OK, or E_SYNTAX/E_IO with "FILE:LINE: reason and what to do". */
int config_load(const char *path, struct config **out, struct reason *why);
void config_free(struct config **c);
/* The value of --config, else SENDOFF_CONFIG, else the default path. */
const char *config_path(const char *from_option);

#endif

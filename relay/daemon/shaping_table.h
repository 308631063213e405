/* The table of providers that the loops have, and its change on SIGHUP. The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_SHAPING_TABLE_H
#define SENDOFF_RELAY_DAEMON_SHAPING_TABLE_H

#include "base/site/shaping.h"
#include "relay/net/loop.h"

/* The configured one, with one reference. */
int shaping_table_load(const struct config *config, struct shaping **out, struct reason *why);
/* Reads the configuration's path, and the file, again, and gives the table to every loop. When that fails the old one
 * stays in use, and the log has the reason. */
void shaping_table_reload(struct loop *supervisor);

#endif

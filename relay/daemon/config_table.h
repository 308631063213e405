/* The configuration's keys: one table, a row each, from which the parser is made and the values are taken. Private to
 * relay/daemon/config*.c; one thread. */
#ifndef SENDOFF_RELAY_DAEMON_CONFIG_TABLE_H
#define SENDOFF_RELAY_DAEMON_CONFIG_TABLE_H

#include "base/config.h"

#include <confuse.h>

/* A parser of all keys, with their checks; cfg_free it. NULL without memory. */
cfg_t *config_parser(void);
/* What was parsed, or its defaults. False without memory. */
bool config_take(cfg_t *c, struct config *out);
bool config_parse_tls(const char *text, enum listen_tls *out);

#endif

/* The gateway's certificates: loaded at start, and again on SIGHUP or when one of their files has changed. Sessions
 * keep the credentials that they began with. The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_CERTIFICATES_H
#define SENDOFF_RELAY_DAEMON_CERTIFICATES_H

#include "base/config.h"
#include "relay/net/loop.h"

struct certificates;
/* Reads them. `config` stays. E_IO, E_MEMORY with words. Without any in the configuration: OK, and no credentials. */
int certificates_load(const struct config *config, struct certificates **out, struct reason *why);
void certificates_free(struct certificates **c);
struct tls_server *certificates_current(const struct certificates *c); /* not held; NULL without */

/* Reads them again and gives them to every loop. Files that do not go together leave the old ones in use, with a line
 * in the log. */
void certificates_reload(struct certificates *c, struct loop *supervisor);
/* Once a second: the same, when a file is another than the one that was read, and has stayed as it is for one poll (a
 * key and its certificate are hardly ever replaced at the same moment). */
void certificates_poll(struct certificates *c, struct loop *supervisor);

#endif

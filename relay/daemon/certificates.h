/* The gateway's certificates: loaded at start, and again on SIGHUP or when one of their files has changed. Sessions
 * keep the credentials that they began with. The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_CERTIFICATES_H
#define SENDOFF_RELAY_DAEMON_CERTIFICATES_H

#include "base/config.h"
#include "relay/net/loop.h"

struct certificates;
/* Loads the configured files; `config` must outlive the result. E_IO or E_MEMORY, with the reason. A configuration
 * without certificates is OK and gives no credentials. */
int certificates_load(const struct config *config, struct certificates **out, struct reason *why);
void certificates_free(struct certificates **c);
/* NULL without certificates. `c` owns the reference: hold it to keep it. */
struct tls_server *certificates_current(const struct certificates *c);

/* Loads them again and gives them to every loop. When that fails the old ones stay in use, and the log has the reason.
 */
void certificates_reload(struct certificates *c, struct loop *supervisor);
/* Once a second: reloads when a file is not as it was loaded and has not changed since the poll before (a key and its
 * certificate are hardly ever replaced at the same moment). */
void certificates_poll(struct certificates *c, struct loop *supervisor);

#endif

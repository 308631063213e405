/* The gateway's certificates: loaded at start, and again on SIGHUP or when one of their files has changed. Sessions
 * keep the credentials that they began with. All are read as the user that serves: what cannot be read at the next
 * renewal cannot be read at the start either. The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_CERTIFICATES_H
#define SENDOFF_RELAY_DAEMON_CERTIFICATES_H

#include "base/directory/config.h"
#include "relay/net/loop.h"
#include "relay/net/tls.h"

struct certificates;
/* Loads the configured files. E_IO or E_MEMORY, with the reason. A configuration without certificates is OK and gives
 * no credentials. Call it once privileges are dropped. */
int certificates_load(const struct config *config, struct certificates **out, struct reason *why);
void certificates_free(struct certificates **c);
/* NULL without certificates. `c` owns the reference: hold it to keep it. */
struct tls_server *certificates_current(const struct certificates *c);
/* Why what is configured, as it is now, is not what is in use; NULL: it is. */
const char *certificates_problem(const struct certificates *c);

/* SIGHUP: takes the paths from the configuration file, which may have changed, loads the files and gives them to every
 * loop. When that fails the old ones stay in use, and the log has the reason. */
void certificates_reload(struct certificates *c, struct loop *supervisor);
/* Once a second, with the monotonic time: reloads, as SIGHUP does, when a file is not as it was loaded and has not
 * changed since the poll before (a key and its certificate are hardly ever replaced at the same moment). As long as
 * that fails it is tried again, and logged, each hour; what ends within CERTIFICATE_SOON_US is logged each day. */
void certificates_poll(struct certificates *c, struct loop *supervisor, uint64_t now_ms);

#endif

/* The answer to `sendoff status`: the gateway's counters, its bans, its certificates and the listings of its
 * sources, as one JSON object. The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_STATUS_H
#define SENDOFF_RELAY_DAEMON_STATUS_H

#include "relay/daemon/control.h"

struct certificates;
struct directory;
struct login_bans;
/* `bans`: whose bans to list; `directory` is held. Answers `r` once every loop has reported. */
void status_ask(struct loop *supervisor, struct login_bans *bans, const struct certificates *certificates,
                const struct directory *directory, int64_t started_us, struct control_request *r);

#endif

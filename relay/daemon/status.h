/* The answer to `sendoff status`: the gateway's counters, its bans and its certificates, as one JSON object. The
 * supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_STATUS_H
#define SENDOFF_RELAY_DAEMON_STATUS_H

#include "relay/daemon/control.h"

struct certificates;
struct login_bans;
/* `bans`: whose bans to list. Answers `r` once every loop has reported. */
void status_ask(struct loop *supervisor, struct login_bans *bans, const struct certificates *certificates,
                int64_t started_us, struct control_request *r);

#endif

/* The answer to "attempts" (relay/daemon/control.h): which recipients are worked on, at which host. The supervisor's
 * thread. */
#ifndef SENDOFF_RELAY_DAEMON_ATTEMPTS_H
#define SENDOFF_RELAY_DAEMON_ATTEMPTS_H

#include "relay/daemon/control.h"

/* Room for as many as can be in flight, with the longest host names. */
#define ATTEMPTS_ANSWER_MAX ((size_t)16 * 1024 * 1024)

/* Answers `r` once every loop has reported. */
void attempts_ask(struct loop *supervisor, struct control_request *r);

#endif

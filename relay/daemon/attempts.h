/* The answers to "attempts" and "lanes" (relay/daemon/control.h): which recipients are worked on, at which host; and
 * why what is due is not. The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_ATTEMPTS_H
#define SENDOFF_RELAY_DAEMON_ATTEMPTS_H

#include "relay/daemon/control.h"

/* Room for as many as can be in flight, with the longest host names. */
#define ATTEMPTS_ANSWER_MAX ((size_t)16 * 1024 * 1024)

/* Answers `r` once every loop has reported. */
void attempts_ask(struct loop *supervisor, struct control_request *r);

#define LANES_ANSWER_MAX ((size_t)48 * 1024 * 1024) /* SCHEDULE_LANES_MAX of the longest names */
void lanes_ask(struct loop *supervisor, struct control_request *r);

#endif

/* The command line's side of the control socket (relay/daemon/control.h). Blocking, for at most some seconds. Any
 * thread. */
#ifndef SENDOFF_RELAY_DAEMON_CONTROL_CLIENT_H
#define SENDOFF_RELAY_DAEMON_CONTROL_CLIENT_H

#include "base/bytes.h"
#include "base/result.h"

/* Asks, and reads the answer without its newline. E_NOT_FOUND: no gateway is running. E_BUSY: it does not answer.
 * E_TOO_BIG: the request is over 158 octets. E_DENIED: it said "error: ...", which is in `answer`. */
int control_ask(const char *data_dir, const char *request, struct buffer *answer);

#endif

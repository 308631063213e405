/* The client of the control socket (relay/daemon/control.h), for the command line. Blocks for at most about ten
 * seconds. Any thread. */
#ifndef SENDOFF_RELAY_DAEMON_CONTROL_CLIENT_H
#define SENDOFF_RELAY_DAEMON_CONTROL_CLIENT_H

#include "base/bytes.h"
#include "base/result.h"

/* Sends a request line and reads the answer, without its newline. E_NOT_FOUND: no gateway is running. E_BUSY: it does
 * not answer in time. E_TOO_BIG: the request is over 158 octets, or the answer over the buffer's limit. E_DENIED: the
 * answer is an error, whose text it then is. E_IO, E_MEMORY. */
int control_ask(const char *data_dir, const char *request, struct buffer *answer);

/* For a request whose effect lasts as long as its connection (`expect`): the connection, which the caller closes.
 * E_NOT_FOUND: no gateway is running. E_IO. */
int control_open(const char *data_dir, int *fd);
/* The only request over it, and an answer of one line. As control_ask otherwise; it stays open. */
int control_ask_over(int fd, const char *request, struct buffer *answer);

#endif

/* Connections that a command on this machine has announced over the control socket (relay/daemon/control.h), by the
 * address and port that they come from. `sendoff send-test` submits over one as an account, without its password;
 * `sendoff doctor` plays a stranger on one, to see that the gateway is no open relay.
 *
 * The command holds the port before it announces it, so nobody else can come from there; and who may open the control
 * socket may read and change the store as well. An announcement lasts no longer than the connection that it came over,
 * so that the port is good for nothing once the command has ended or was killed. Any thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_EXPECTED_H
#define SENDOFF_RELAY_SUBMISSION_EXPECTED_H

#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define EXPECTED_MS 30000 /* then it is forgotten in any case */

struct expected;
struct expected *expected_new(void); /* NULL without memory */
void expected_free(struct expected **e);
/* `account_id` 0: a stranger. `command`: the socket that it came over, which stays open until expected_withdraw. The
 * last announcement of an address counts. E_BUSY: too many are announced. */
int expected_add(struct expected *e, const struct sockaddr *client, int64_t account_id, int command);
/* What was announced over it, if it has not come. */
void expected_withdraw(struct expected *e, int command);
/* The connection from there has come, once. False: it was not announced, or the command has gone. */
bool expected_take(struct expected *e, const struct sockaddr *client, int64_t *account_id);

#endif

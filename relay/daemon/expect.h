/* A command announces a connection of its own (relay/submission/expected.h). The supervisor's thread. */
#ifndef SENDOFF_RELAY_DAEMON_EXPECT_H
#define SENDOFF_RELAY_DAEMON_EXPECT_H

#include "base/directory/directory.h"
#include "relay/daemon/control.h"
#include "relay/submission/expected.h"

/* `what`: "ADDRESS PORT [ACCOUNT]". Answers the request. */
void expect_ask(struct expected *e, const struct directory *d, const char *what, struct control_request *r);

#endif

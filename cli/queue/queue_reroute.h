/* sendoff queue reroute. */
#ifndef SENDOFF_CLI_QUEUE_QUEUE_REROUTE_H
#define SENDOFF_CLI_QUEUE_QUEUE_REROUTE_H

#include "cli/command.h"

enum exit_status queue_reroute(struct cli *c);

#endif

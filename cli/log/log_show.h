/* `log show`: the story of one message. One thread. */
#ifndef SENDOFF_CLI_LOG_LOG_SHOW_H
#define SENDOFF_CLI_LOG_LOG_SHOW_H

#include "cli/command.h"

enum exit_status log_show(struct cli *c);

#endif

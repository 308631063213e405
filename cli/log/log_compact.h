/* `log compact`: the store's file in its least size. One thread. */
#ifndef SENDOFF_CLI_LOG_LOG_COMPACT_H
#define SENDOFF_CLI_LOG_LOG_COMPACT_H

#include "cli/command.h"

enum exit_status log_compact(struct cli *c);

#endif

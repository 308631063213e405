/* `log summary`: how much of what there was. One thread. */
#ifndef SENDOFF_CLI_LOG_LOG_SUMMARY_H
#define SENDOFF_CLI_LOG_LOG_SUMMARY_H

#include "cli/command.h"

enum exit_status log_summary(struct cli *c);

#endif

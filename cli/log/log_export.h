/* `log export`: the log as CSV (RFC 4180) or as JSON, one object a line. One thread. */
#ifndef SENDOFF_CLI_LOG_LOG_EXPORT_H
#define SENDOFF_CLI_LOG_LOG_EXPORT_H

#include "cli/command.h"

enum exit_status log_export(struct cli *c);

#endif

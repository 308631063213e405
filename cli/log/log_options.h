/* What `log`, `log export` and `log summary` select by. One thread. */
#ifndef SENDOFF_CLI_LOG_LOG_OPTIONS_H
#define SENDOFF_CLI_LOG_LOG_OPTIONS_H

#include "cli/command.h"

#define LOG_USAGE                                                                                                      \
  "[--account NAME] [--from PATTERN] [--to PATTERN] [--address PART] [--subject WORDS] [--message-id MESSAGE-ID] "     \
  "[--domain DOMAIN] "                                                                                                 \
  "[--host|--site PART] [--source ADDRESS] [--reply TEXT] [--event EVENT] [--stream transactional|bulk] [--since T] "  \
  "[--until T]"

/* The filter, without a limit; its strings are the arguments'. EXIT_USAGE: a message has been printed. */
enum exit_status log_options_read(const struct cli *c, struct log_filter *f);
/* --since and --until, which stay as they are where they were not given. What selects and is empty is refused, but for
 * --from and --to. EXIT_USAGE: a message has been printed. */
enum exit_status log_span_read(const struct cli *c, int64_t *since_us, int64_t *until_us);
/* It asks for nothing: for all of the log. */
bool log_options_none(const struct cli *c);

#endif

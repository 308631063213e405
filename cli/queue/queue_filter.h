/* Which queue entries a command means: message ids, or a selection by --account, --to, --site, --reply,
 * --state and --since. */
#ifndef SENDOFF_CLI_QUEUE_QUEUE_FILTER_H
#define SENDOFF_CLI_QUEUE_QUEUE_FILTER_H

#include "cli/command.h"

/* The options, and an id (NULL: none). EXIT_USAGE, EXIT_NO: a message has been printed. */
enum exit_status queue_filter_read(struct cli *c, const char *id, struct queue_filter *f);

/* --- of a command that changes entries: never everything by accident --- */

#define QUEUE_WHICH                                                                                                    \
  "ID... | [--account NAME] [--to PATTERN] [--site SITE] [--reply TEXT] [--state queued|held] [--since T]"

bool queue_filter_selects(const struct cli *c); /* an option says which */
/* Something was chosen, and all of it can be read. Else a message has been printed. */
enum exit_status queue_filter_check(struct cli *c);
/* One for each id, or one for the selection. After queue_filter_check. */
size_t queue_filter_count(const struct cli *c);
enum exit_status queue_filter_at(struct cli *c, size_t index, struct queue_filter *f);

#endif

/* A change of many queue entries: what it will touch, the question, the change with its progress, the result. One
 * thread. */
#ifndef SENDOFF_CLI_QUEUE_QUEUE_BULK_H
#define SENDOFF_CLI_QUEUE_QUEUE_BULK_H

#include "cli/command.h"

#include <jansson.h>

#define QUEUE_IDS_UNASKED 10 /* so many messages that are named are changed without a question */
#define QUEUE_ASK "[--yes] [--dry-run]"

struct queue_example {
  char id[16], account[65], to[120];
};
#define QUEUE_EXAMPLES 3

/* What a command will touch, of all that it selects. */
struct queue_preview {
  struct queue_extent extent; /* accounts: 0 where messages are named */
  struct queue_example examples[QUEUE_EXAMPLES];
  size_t example_count;
  const char *missing; /* a message that is named, with nothing to change; NULL */
};
enum exit_status queue_preview_read(struct cli *c, const struct queue_change *change, struct queue_preview *out);
/* "3 messages, 5 recipients, of 2 accounts; the oldest came 2h13m ago", and the examples. */
void queue_preview_print(const struct queue_preview *p);
json_t *
queue_preview_json(const struct queue_preview *p); /* "messages", "recipients", "accounts", "oldest", "examples" */

/* The command must be confirmed: there is no --yes, and not only few messages are named. */
bool queue_asks(const struct cli *c);
/* Asks, if it must be; shows before what it is about. EXIT_DONE: go on. */
enum exit_status queue_ask(struct cli *c, const struct queue_preview *p, const char *verb, const char *question);
/* All that is selected, with a bar on a terminal. `admin` stays open. */
int queue_bulk_run(struct cli *c, struct admin *admin, struct queue_change *change, uint64_t total,
                   struct queue_changed *changed, struct reason *why);
/* One selection, likewise. */
int queue_bulk_run_of(struct admin *admin, const struct queue_filter *f, struct queue_change *change, uint64_t total,
                      struct queue_changed *changed, struct reason *why);

#endif

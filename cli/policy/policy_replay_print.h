/* What `sendoff policy replay` prints: a row for each owner, or a line for each message. One thread. */
#ifndef SENDOFF_CLI_POLICY_POLICY_REPLAY_PRINT_H
#define SENDOFF_CLI_POLICY_POLICY_REPLAY_PRINT_H

#include "base/mail/event.h"
#include "base/mail/refusal.h"
#include "base/usage/usage_scope.h"
#include "cli/command.h"
#include "cli/output/output.h"
#include "cli/output/table.h"

struct replayed {
  enum scope scope;
  const char *owner;
  uint64_t messages, refused, put_off;
  int64_t first_us, last_us; /* of what is refused */
  int64_t latest_delay_us;   /* of what is put off */
};

struct table *policy_replay_table(void);
/* JSON is printed at once. */
void policy_replay_row(const struct cli *c, struct table *t, const struct replayed *r);
/* One that is refused (`why`), or leaves at `until_us`. */
void policy_replay_message(const struct cli *c, const struct event *e, const struct refusal *why, int64_t until_us);

#endif

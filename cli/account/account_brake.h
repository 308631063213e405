/* `account review` and `account trust`: what the brake sees of an account, and its end. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_BRAKE_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_BRAKE_H

#include "cli/command.h"
#include "cli/output/output.h"

enum exit_status account_review(struct cli *c);
enum exit_status account_trust(struct cli *c);
/* For `account show`: {"step": "slow", "mode": "observe", "since": TIME}. NULL: it cannot be read. */
json_t *account_brake_json(struct reader *r, const struct directory *d, const struct account *a);

#endif

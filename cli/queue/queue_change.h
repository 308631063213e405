/* sendoff queue retry, hold, release, drop, bounce. */
#ifndef SENDOFF_CLI_QUEUE_QUEUE_CHANGE_H
#define SENDOFF_CLI_QUEUE_QUEUE_CHANGE_H

#include "cli/command.h"

enum exit_status queue_retry(struct cli *c);
enum exit_status queue_hold(struct cli *c);
enum exit_status queue_release(struct cli *c);
enum exit_status queue_drop(struct cli *c);
enum exit_status queue_bounce(struct cli *c);
/* Nothing that is selected can be changed: EXIT_NO, with the reason. */
enum exit_status queue_nothing(struct cli *c);

#endif

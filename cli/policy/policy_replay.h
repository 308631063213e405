/* `sendoff policy replay`: what a limit would have refused, had it been there. One thread. */
#ifndef SENDOFF_CLI_POLICY_POLICY_REPLAY_H
#define SENDOFF_CLI_POLICY_POLICY_REPLAY_H

#include "cli/command.h"

enum exit_status policy_replay(struct cli *c);

#endif

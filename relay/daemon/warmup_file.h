/* A plan for warming up as a file (libconfuse; base/site/warmup_plan.h is what it becomes). Read on one thread at a
 * time. */
#ifndef SENDOFF_RELAY_DAEMON_WARMUP_FILE_H
#define SENDOFF_RELAY_DAEMON_WARMUP_FILE_H

#include "base/site/warmup_plan.h"

/* OK; or E_SYNTAX, E_IO, E_MEMORY with "FILE:LINE: reason and what to do". NULL: the plan that is built in, which is
 * deploy/warmup.conf. */
int warmup_file_load(const char *path, struct warmup_plan *out, struct reason *why);

#endif

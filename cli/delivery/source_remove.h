/* sendoff source remove: whom it concerns, the question, the removal. One thread. */
#ifndef SENDOFF_CLI_DELIVERY_SOURCE_REMOVE_H
#define SENDOFF_CLI_DELIVERY_SOURCE_REMOVE_H

#include "cli/command.h"

enum exit_status source_remove(struct cli *c, const char *address); /* in its canonical form */

#endif

/* sendoff domain remove: whom it concerns, the question, the removal. One thread. */
#ifndef SENDOFF_CLI_DOMAIN_DOMAIN_REMOVE_H
#define SENDOFF_CLI_DOMAIN_DOMAIN_REMOVE_H

#include "cli/command.h"

enum exit_status domain_remove(struct cli *c);

#endif

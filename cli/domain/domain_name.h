/* A domain's name, as it was typed. */
#ifndef SENDOFF_CLI_DOMAIN_DOMAIN_NAME_H
#define SENDOFF_CLI_DOMAIN_DOMAIN_NAME_H

#include "base/address/address.h"
#include "cli/command.h"

/* As the store has it. EXIT_USAGE: a message has been printed. */
enum exit_status domain_name_read(const char *typed, char out[DOMAIN_MAX + 1]);

#endif

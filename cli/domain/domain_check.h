/* `sendoff domain check`: what the world finds of a domain in DNS, beside what its mail needs. One thread; blocks on
 * DNS. */
#ifndef SENDOFF_CLI_DOMAIN_DOMAIN_CHECK_H
#define SENDOFF_CLI_DOMAIN_DOMAIN_CHECK_H

#include "cli/command.h"

/* The domain of that name, or every one when it is "". EXIT_NO: not all is right, or a message has been printed. */
enum exit_status domain_check(struct cli *c, const char *name);

#endif

/* The verbs that pause a site, resume it, and forget what was learnt of it. One thread. */
#ifndef SENDOFF_CLI_DELIVERY_SITE_PAUSE_H
#define SENDOFF_CLI_DELIVERY_SITE_PAUSE_H

#include "base/site/site_name.h"
#include "cli/command.h"

/* The name of a site as the gateway writes it: in lower case, unless a pause has it as it was typed. */
void site_canonical(const struct directory *d, const char *typed, char out[SITE_NAME_MAX]);

enum exit_status site_pause_command(struct cli *c);
enum exit_status site_resume_command(struct cli *c);
enum exit_status site_forget_command(struct cli *c);

#endif

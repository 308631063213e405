/* What signs a domain's mail, and how its keys change: the options of `domain set`, and how they are shown. One
 * thread. */
#ifndef SENDOFF_CLI_DOMAIN_DOMAIN_OPTIONS_H
#define SENDOFF_CLI_DOMAIN_DOMAIN_OPTIONS_H

#include "base/address/address.h"
#include "cli/command.h"
#include "cli/output/output.h"

struct domain_options {
  unsigned parts;       /* enum domain_part: what the options say */
  struct domain domain; /* of which these are to be set; its texts are `name`, and: */
  char delegation[DOMAIN_MAX + 1];
};
/* --subdomains, --fallback, --rotate, --delegate. EXIT_USAGE: a message has been printed. */
enum exit_status domain_options_read(struct cli *c, const char *name, struct domain_options *out);

void domain_options_json(const struct domain *d, json_t *into);
void domain_options_print(const struct domain *d);

#endif

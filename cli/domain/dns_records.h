/* The DNS records of a domain, as they are published. */
#ifndef SENDOFF_CLI_DOMAIN_DNS_RECORDS_H
#define SENDOFF_CLI_DOMAIN_DNS_RECORDS_H

#include "base/directory/directory.h"
#include "cli/command.h"

enum records_format {
  RECORDS_ZONE,  /* a fragment of a zone file; what is not for the domain's zone, and what is optional, as comments */
  RECORDS_TABLE, /* names and values for a web form */
  RECORDS_JSON,  /* one object a line */
};
/* --format of the command line; RECORDS_ZONE unless it says, RECORDS_JSON with --json. EXIT_USAGE: a message has been
 * printed. */
enum exit_status dns_records_read_format(const struct cli *c, enum records_format *out);
/* Asks DNS for what is there already, as the configuration says. `only`: of all records those of its keys in that
 * state; NULL: all. EXIT_NO: a message has been printed. */
enum exit_status dns_records_print(struct cli *c, const struct directory *d, const struct domain *domain,
                                   enum records_format format, const enum key_state *only);

/* That of one key. */
void dns_records_print_key(const struct cli *c, const struct domain *d, const struct signing_key *k);

#endif

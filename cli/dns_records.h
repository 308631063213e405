/* The DNS records that a domain should publish, as one list for every verb that shows them. One thread. */
#ifndef SENDOFF_CLI_DNS_RECORDS_H
#define SENDOFF_CLI_DNS_RECORDS_H

#include "cli/command.h"

/* Prints them: ready to paste, or one JSON object a record {name, type, value}. */
void dns_records_print(const struct cli *c, const struct directory *d, const struct domain *domain);

#endif

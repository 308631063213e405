/* The TXT record that says that a domain has an MTA-STS policy, and which (RFC 8461 3.1). Pure; any thread. */
#ifndef SENDOFF_RELAY_NET_STS_RECORD_H
#define SENDOFF_RELAY_NET_STS_RECORD_H

#include "base/address/dns_answer.h"
#include "base/result.h"

#define STS_ID_MAX 32

/* "_mta-sts.example.net". False: too long for a name. */
bool sts_record_name(const char *domain, char out[256]);
/* The id of the one record that an answer has. E_NOT_FOUND: there is none; E_SYNTAX with the reason: there are several,
 * or it cannot be read, and so there is none, either. */
int sts_record_read(const struct dns_answer *answer, char id[STS_ID_MAX + 1], struct reason *why);

#endif

/* The public suffix list, as receivers that still follow RFC 7489 use it. Thread-safe. */
#ifndef SENDOFF_POLICY_DMARC_SUFFIX_H
#define SENDOFF_POLICY_DMARC_SUFFIX_H

#include "base/address.h"

/* The organizational domain of a normalized domain (RFC 7489 3.2): one label below its public suffix; the domain itself
 * when it is a public suffix. The list is the system's (package publicsuffix), or else the one inside libpsl, read once
 * in the process. */
void suffix_organization(const char *domain, char out[DOMAIN_MAX + 1]);

#endif

/* The public suffix list. Thread-safe. */
#ifndef SENDOFF_BASE_SUFFIX_H
#define SENDOFF_BASE_SUFFIX_H

#include "base/address/address.h"

/* The organizational domain of a normalized domain (RFC 7489 3.2): one label below its public suffix; the domain itself
 * when it is a public suffix. The list is the system's (package publicsuffix), or else the one inside libpsl, read once
 * in the process. */
void suffix_organization(const char *domain, char out[DOMAIN_MAX + 1]);
/* Is it one: "com", "co.uk"? */
bool suffix_is_public(const char *domain);

#endif

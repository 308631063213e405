/* Selectors: the names that a domain's keys are published under. Any thread. */
#ifndef SENDOFF_DKIM_SELECTOR_H
#define SENDOFF_DKIM_SELECTOR_H

#include "base/bytes.h"
#include "base/result.h"

#define SELECTOR_MAX 200

/* In lower case, NUL-terminated: DNS does not tell case. E_SYNTAX: not labels of letters, digits and hyphens, separated
 * by dots (RFC 6376 3.1). E_TOO_BIG: SELECTOR._domainkey.DOMAIN would be longer than a name can be. */
int selector_normalize(struct bytes typed, const char *domain, char out[SELECTOR_MAX + 1], struct reason *why);

#endif

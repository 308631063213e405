/* Which DMARC record applies to an author's domain, and what its organizational domain is: as receivers by RFC 9989
 * find it (a walk up the tree), and as those by RFC 7489 do (the public suffix list). Blocking: libuv's pool only. */
#ifndef SENDOFF_POLICY_DMARC_DMARC_DISCOVER_H
#define SENDOFF_POLICY_DMARC_DMARC_DISCOVER_H

#include "policy/dmarc/dmarc_dns.h"

#define DMARC_WALK_MAX 8 /* questions (RFC 9989 4.10) */

enum dmarc_method { DMARC_BY_WALK /* RFC 9989 */, DMARC_BY_SUFFIX /* RFC 7489 */ };

enum dmarc_found {
  DMARC_FOUND,
  DMARC_FOUND_NOTHING,  /* no record: DMARC does not apply */
  DMARC_FOUND_UNUSABLE, /* a record whose policy cannot be read, or (RFC 7489) several of them: it does not apply,
                           either */
  DMARC_FOUND_TROUBLE,  /* DNS did not answer: unknown */
};

struct dmarc_finding {
  enum dmarc_found found;
  const struct dmarc_place *place; /* whose record it is; NULL when there is none. Lives as long as the dmarc_dns. */
  enum dmarc_policy published;     /* p, sp or np, whichever applies */
  enum dmarc_policy effective;     /* the same after t=y (RFC 9989 4.7), or pct=0 (RFC 7489 6.6.4) */
  const char *tag;                 /* "p", "sp", "np" */
};

/* `domain` normalized (domain_normalize). */
void dmarc_discover(struct dmarc_dns *d, enum dmarc_method method, const char *domain, struct dmarc_finding *out);
/* The organizational domain. OK; E_TEMPORARY when DNS did not answer. */
int dmarc_organization(struct dmarc_dns *d, enum dmarc_method method, const char *domain, char out[DOMAIN_MAX + 1]);

#endif

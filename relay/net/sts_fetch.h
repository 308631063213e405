/* Fetches a domain's MTA-STS policy from its web server (RFC 8461 3.3). Blocking: libuv's pool, never a loop. */
#ifndef SENDOFF_RELAY_NET_STS_FETCH_H
#define SENDOFF_RELAY_NET_STS_FETCH_H

#include "relay/net/https.h"
#include "relay/net/sts_policy.h"

/* Why there is no policy, as RFC 8460 4.3 names it. */
enum sts_failure {
  STS_FAILURE_NONE,
  STS_FETCH_ERROR,    /* sts-policy-fetch-error: it cannot be had */
  STS_POLICY_INVALID, /* sts-policy-invalid: what there is cannot be read */
  STS_WEBPKI_INVALID, /* sts-webpki-invalid: the web server's certificate is not good */
};
const char *sts_failure_name(enum sts_failure f); /* "sts-policy-fetch-error"; "" for none */

/* OK with one reference; else E_TEMPORARY, or E_MEMORY, with the kind (E_MEMORY: STS_FAILURE_NONE) and the reason.
 * `domain` in A-labels. */
int sts_fetch(const struct https *h, const char *domain, struct sts_policy **out, enum sts_failure *failure,
              struct reason *why);
/* Is it text/plain, whatever its parameters? */
bool sts_is_plain_text(const char *content_type);

#endif

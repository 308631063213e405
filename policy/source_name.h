/* Does a source address have the name that receivers ask of it? Its PTR record leads to a name, that name's A or AAAA
 * records lead back to it, and it is of the HELO name's organizational domain; for IPv6, the HELO name's SPF record
 * does not fail it, either. Blocking: libuv's pool only. */
#ifndef SENDOFF_POLICY_SOURCE_NAME_H
#define SENDOFF_POLICY_SOURCE_NAME_H

#include "base/address/address.h"
#include "base/address/dns_answer.h"

#define SOURCE_NAME_MS 20000 /* nothing is asked any more after that */
#define SOURCE_NAME_TEXT 400
#define SOURCE_NAME_RECORDS 10 /* PTR records that are looked at (RFC 7208 4.6.4 has the same bound) */

struct source_name_finding {
  bool known; /* false: DNS did not answer for what decides; `text` has the question */
  bool confirmed;
  char ptr[DOMAIN_MAX + 1];    /* the name that is confirmed, or else the first; "": none */
  char text[SOURCE_NAME_TEXT]; /* why it is not confirmed, and what to publish; "" when it is */
};

/* `address` an IP literal, `helo` normalized (domain_normalize). */
void source_name_check(const struct dns_source *dns, const char *address, const char *helo, uint64_t deadline_ms,
                       struct source_name_finding *out);

#endif

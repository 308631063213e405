/* One question to a DNS blocklist (RFC 5782), and what its answer means. A list is probed each time before it is
 * believed: it must list what every list has for testing, and must not list what none may have. A list that has ended
 * and lists everything, or nothing, or that refuses to answer us, says nothing about a source. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_BLOCKLIST_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_BLOCKLIST_H

#include "base/address/address.h"
#include "base/address/dns_answer.h"
#include "base/directory/blocklist.h"

#define BLOCKLIST_MS 20000 /* nothing is asked any more after that */
#define BLOCKLIST_TEXT 300
#define BLOCKLIST_CODES 80

struct blocklist_finding {
  enum blocklist_state state; /* BLOCKLIST_UNKNOWN: DNS did not answer; `text` has the question */
  char codes[BLOCKLIST_CODES], text[BLOCKLIST_TEXT]; /* as in struct blocklist_note; printable ASCII */
};

/* Pure. The name to ask for about an IP literal or a domain; false when it would be too long. */
bool blocklist_question(const char *zone, const char *subject, char out[DOMAIN_MAX + 1]);
/* Pure. CLEAN, LISTED with its codes, UNUSABLE or UNKNOWN with the reason. */
void blocklist_read(const struct dns_answer *answer, struct blocklist_finding *out);
/* `subject` is an IP literal, or a domain (normalized), of which the organizational domain is asked about too.
 * Blocking: libuv's pool only. UNUSABLE and UNKNOWN are of the list, for all subjects of this kind and address family.
 */
void blocklist_check(const struct dns_source *dns, const char *zone, const char *subject, uint64_t deadline_ms,
                     struct blocklist_finding *out);

#endif

/* Can what is sent back to a domain's addresses come back: bounces, and replies? The reverse-path of mail is the
 * sender's own address, so DSNs go where its domain's MX records lead, or its addresses (RFC 5321 5.1). Blocking:
 * libuv's pool, or a command. */
#ifndef SENDOFF_RELAY_DOMAIN_RETURN_PATH_H
#define SENDOFF_RELAY_DOMAIN_RETURN_PATH_H

#include "base/address/dns_answer.h"
#include "relay/net/mx.h"

enum return_path {
  RETURN_PATH_MX,      /* `mx` has its exchangers */
  RETURN_PATH_ADDRESS, /* no MX record, but an address */
  RETURN_PATH_NULL_MX, /* it says that it takes no mail (RFC 7505), which many receivers hold against its senders */
  RETURN_PATH_NONE,    /* neither */
  RETURN_PATH_DEAD,    /* MX records whose hosts have no address */
  RETURN_PATH_UNKNOWN, /* DNS did not answer */
};
struct return_path_finding {
  enum return_path state;
  bool bogus; /* of RETURN_PATH_UNKNOWN */
  struct mx_list mx;
  char text[400]; /* what it means, and what to do */
};
/* Nothing is asked after `deadline_ms` (clock_monotonic_ms). */
void return_path_find(const struct dns_source *dns, const char *domain, uint64_t deadline_ms,
                      struct return_path_finding *out);

#endif

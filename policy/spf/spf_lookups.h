/* How many DNS lookups an SPF record takes, with all that it includes (RFC 7208 4.6.4): more than ten, and it counts
 * for nothing, whoever sends. Blocking: libuv's pool, or a command. Thread-safe. */
#ifndef SENDOFF_POLICY_SPF_SPF_LOOKUPS_H
#define SENDOFF_POLICY_SPF_SPF_LOOKUPS_H

#include "base/address/dns_answer.h"
#include "base/bytes.h"

struct spf_lookups {
  unsigned count; /* at least: counting stops when it is twice as many as are allowed */
  bool whole;     /* false: DNS did not answer for a part, or a name of one takes the message to know (a macro) */
};
/* `record` is a text that is a record; one that is malformed counts as far as it can be read. Nothing is asked after
 * `deadline_ms` (clock_monotonic_ms). */
void spf_lookups_count(const struct dns_source *dns, struct bytes record, uint64_t deadline_ms,
                       struct spf_lookups *out);

#endif

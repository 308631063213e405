/* The zone that a name is in, and who serves it, as the configured resolver finds them. Blocking: libuv's pool, or a
 * command. Any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_ZONE_H
#define SENDOFF_RELAY_DOMAIN_ZONE_H

#include "base/address/dns_answer.h"
#include "base/result.h"

#define ZONE_NAME 256         /* of a name as text without its final dot; "": the root */
#define ZONE_SERVERS_MAX 13   /* names that are read of its NS records */
#define ZONE_QUESTIONS_MAX 16 /* names that are asked for NS records: labels beyond are cut on the left */

struct zone_of {
  char name[ZONE_NAME];
  char servers[ZONE_SERVERS_MAX][ZONE_NAME]; /* by their NS records */
  size_t server_count;
};

/* The closest name at or above `name` that has NS records of its own (RFC 1034 4.2.1); nothing is asked after
 * `deadline_ms` (clock_monotonic_ms). OK; E_TEMPORARY: DNS did not answer; E_NOT_FOUND: there is none, or no DNS name
 * is like that. */
int zone_find(const struct dns_source *dns, const char *name, uint64_t deadline_ms, struct zone_of *out,
              struct reason *why);
/* Is `name` the zone's, or below it? "" is the root. */
bool zone_holds(const char *zone, const char *name);

#endif

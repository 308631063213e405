/* The name that an address has in a zone that is ordered by address: its PTR record's, and a blocklist's. Pure; any
 * thread. */
#ifndef SENDOFF_BASE_REVERSE_NAME_H
#define SENDOFF_BASE_REVERSE_NAME_H

#include "base/bytes.h"

#include <stdbool.h>
#include <sys/socket.h>

/* The octets of an address, as DNS has them; it lives as long as `address`. */
struct bytes address_octets(const struct sockaddr_storage *address);
/* "5.2.0.193.ZONE", or nibbles for 16 octets (RFC 1035 3.5, RFC 3596 2.5, RFC 5782 2.1 and 2.4). False: no room. */
bool reverse_name(struct bytes octets, const char *zone, char *out, size_t size);

#endif

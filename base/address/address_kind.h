/* What kind of address a name led to, and so whether mail may go there. Pure; any thread. */
#ifndef SENDOFF_BASE_ADDRESS_KIND_H
#define SENDOFF_BASE_ADDRESS_KIND_H

#include <sys/socket.h>

enum address_kind {
  ADDRESS_HOST,        /* may be a host's, also in a private network (RFC 1918, RFC 4193) */
  ADDRESS_LOOPBACK,    /* 127.0.0.0/8, ::1 */
  ADDRESS_UNSPECIFIED, /* 0.0.0.0/8 (RFC 1122 3.2.1.3 a, b), :: : to connect there is to connect to oneself */
  ADDRESS_LINK_LOCAL,  /* 169.254.0.0/16 (RFC 3927), fe80::/10: what DNS says of them is nobody's business */
  ADDRESS_MULTICAST,   /* 224.0.0.0/4, ff00::/8 */
  ADDRESS_RESERVED,    /* 240.0.0.0/4, with the broadcast address */
};
/* An IPv6 address that only carries an IPv4 address (mapped, compatible, NAT64, 6to4: RFC 4291 2.5.5, RFC 6052 2.1,
 * RFC 3056 2) is what that is. */
enum address_kind address_kind_of(const struct sockaddr *address);
const char *address_kind_phrase(enum address_kind kind); /* "a loopback address" */

#endif

/* Which next hops would be this gateway itself: where it listens, and, unless the configuration says otherwise, every
 * address of its machine. The interfaces are read again after OWN_ADDRESSES_MS. One thread. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_OWN_ADDRESSES_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_OWN_ADDRESSES_H

#include "base/directory/config.h"

#define OWN_ADDRESSES_MS 10000

struct own_addresses;
/* `config` outlives it. NULL without memory. */
struct own_addresses *own_addresses_new(const struct config *config);
void own_addresses_free(struct own_addresses **o);
/* Loopback addresses are ours only where we listen. */
bool own_addresses_have(struct own_addresses *o, const struct sockaddr *address);
/* The gateway listens there, with that port. */
bool own_addresses_listen(struct own_addresses *o, const struct sockaddr *address);

#endif

/* How large libuv's pool is, which all loops share, and how many of its threads may wait for DNS or for the database of
 * users: however slow those are, passwords and files have POOL_OTHERS of them. Pure; any thread. */
#ifndef SENDOFF_RELAY_NET_POOL_H
#define SENDOFF_RELAY_NET_POOL_H

#include <stddef.h>

#define POOL_OTHERS 8  /* threads for what does not wait for DNS */
#define POOL_FETCHES 4 /* for MTA-STS policies, of slow web servers */

size_t pool_threads(size_t loops);
/* For the checks of one kind (SPF, DMARC) on one loop. */
size_t pool_dns_threads(size_t loops);
/* For the names of local users, on one loop. */
size_t pool_name_threads(size_t loops);

#endif

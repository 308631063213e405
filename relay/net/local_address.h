/* Which addresses are this machine's. Any thread; asks the kernel each time. */
#ifndef SENDOFF_RELAY_NET_LOCAL_ADDRESS_H
#define SENDOFF_RELAY_NET_LOCAL_ADDRESS_H

#include "base/result.h"

#include <stdbool.h>
#include <sys/socket.h>

/* False: no interface has it now (or, for IPv6, not yet: RFC 4862 5.4), so nothing can leave from it. True also when
 * that cannot be found out. */
bool address_is_here(const struct sockaddr *address);
/* What to say of a source address that is not. Returns E_NOT_FOUND. */
int address_away(const char *address, struct reason *why);

#endif

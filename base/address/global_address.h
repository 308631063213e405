/* Which addresses the whole world knows. Pure; any thread. */
#ifndef SENDOFF_BASE_GLOBAL_ADDRESS_H
#define SENDOFF_BASE_GLOBAL_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

/* False: private, loopback, documentation and the like, so no PTR record in public DNS can be its own (RFC 6890, and
 * IANA's registries of special-purpose addresses as of November 2026). */
bool address_is_global(const struct sockaddr *address); /* IPv4-mapped IPv6 counts as IPv4 */
bool ip_is_global(const char *text);                    /* the same; false of what is no IP literal */
/* An address that one host can have and mail can leave from without more: not unspecified, multicast, reserved or
 * broadcast, nor IPv6 link-local, which also needs an interface. */
bool ip_is_of_host(const char *text);

#endif

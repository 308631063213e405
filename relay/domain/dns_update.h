/* Updates of a zone (RFC 2136), signed with a shared key (TSIG, RFC 8945), through libldns. Blocking: libuv's pool, or
 * a command. Any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_DNS_UPDATE_H
#define SENDOFF_RELAY_DOMAIN_DNS_UPDATE_H

#include "base/directory/config.h"
#include "base/result.h"

/* Makes `value` the one TXT record at that name, or removes all that are there. E_DENIED: the server refused;
 * E_TEMPORARY: it did not answer until `deadline_ms` (clock_monotonic_ms); E_IO, E_SYNTAX: the key cannot be read. */
int dns_update_run(const struct dns_update_config *u, bool add, const char *name, const char *value,
                   uint64_t deadline_ms, struct reason *why);
/* Reads the key alone: for `config check` and the start. */
int dns_update_check(const struct dns_update_config *u, struct reason *why);

#endif

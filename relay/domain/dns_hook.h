/* The operator's program that publishes records (dns_hook of sendoff.conf). Blocking: libuv's pool. Any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_DNS_HOOK_H
#define SENDOFF_RELAY_DOMAIN_DNS_HOOK_H

#include "base/result.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Runs `program add|remove NAME TXT VALUE`, with no standard input, and waits for its end: status 0 is OK. It is killed
 * at `deadline_ms` (clock_monotonic_ms), and when *until_ms (may be NULL) is not 0 any more. E_DENIED: another status,
 * with the end of what it printed; E_TEMPORARY: killed; E_IO: it cannot be run. */
int dns_hook_run(const char *program, bool add, const char *name, const char *value,
                 const atomic_uint_least64_t *until_ms, uint64_t deadline_ms, struct reason *why);

#endif

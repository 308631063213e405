/* Publishes records by itself, where the configuration says how: a program of the operator's (dns_hook), or updates of
 * a zone (RFC 2136, with TSIG: RFC 8945). Blocking: libuv's pool, or a command. Any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_PUBLISHER_H
#define SENDOFF_RELAY_DOMAIN_PUBLISHER_H

#include "base/directory/config.h"
#include "base/result.h"

#include <stdatomic.h>

#define PUBLISHER_TTL 300       /* seconds, of what it publishes */
#define PUBLISHER_HOOK_MS 30000 /* that the program may take */

enum publisher_act { PUBLISHER_ADD, PUBLISHER_REMOVE };

struct publisher {
  const struct config *config;
  const atomic_uint_least64_t *until_ms; /* NULL, or not 0: whoever waits for it stops */
};

/* Is it ours to publish what has that name? */
bool publisher_covers(const struct publisher *p, const char *name);
/* Adds or removes one TXT record; what is there already, or gone, is no failure. E_NOT_FOUND: not covered; E_TEMPORARY,
 * E_DENIED, E_IO with the reason. */
int publisher_run(const struct publisher *p, enum publisher_act act, const char *name, const char *value,
                  uint64_t deadline_ms, struct reason *why);

#endif

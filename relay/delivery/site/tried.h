/* The addresses that an attempt has come to: none is asked twice. Plain data; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_TRIED_H
#define SENDOFF_RELAY_DELIVERY_SITE_TRIED_H

#include "base/address/cidr.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define TRIED_MAX 10 /* addresses of a site in one attempt (RFC 5321 5.1 asks for two at least) */

struct tried {
  size_t count;
  struct sockaddr_storage addresses[TRIED_MAX];
  bool broken_tls[TRIED_MAX]; /* nothing but TLS is known to be broken there */
};

/* One more, unless it is there or TRIED_MAX are. */
void tried_add(struct tried *t, const struct sockaddr_storage *address, bool broken_tls);
bool tried_has(const struct tried *t, const struct sockaddr_storage *address);
/* Is there any with broken_tls? */
bool tried_met_broken_tls(const struct tried *t);
/* Those without broken_tls. */
struct tried tried_but_for_tls(const struct tried *t);
static inline bool tried_is_full(const struct tried *t) {
  return t->count >= TRIED_MAX;
}
/* " !192.0.2.1:25 ~192.0.2.2:25" for a key ("~": broken_tls), "" for none; the caller's to free. NULL without memory.
 */
char *tried_text(const struct tried *t);

#endif

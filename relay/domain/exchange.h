/* One DNS message to each of several addresses at once, and what comes back: UDP, and TCP where the reply is truncated
 * (RFC 7766 5). Blocking: libuv's pool, or a command. Any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_EXCHANGE_H
#define SENDOFF_RELAY_DOMAIN_EXCHANGE_H

#include "base/bytes.h"

#include <stdbool.h>
#include <sys/socket.h>

#define EXCHANGES_MAX 16       /* at once */
#define EXCHANGE_MS 5000       /* for each of them, UDP and TCP together */
#define EXCHANGE_AGAIN_MS 1500 /* a datagram is sent anew after that */

struct exchange {
  struct sockaddr_storage to; /* with the port */
  bool skipped;               /* it is not asked: as if it had not answered in time */
  unsigned char *reply;       /* malloc'd; NULL: none came */
  size_t len;
  int error; /* errno where there is no reply: ETIMEDOUT, ECONNREFUSED, ENETUNREACH ... */
};

/* `message` is a query of at least 12 octets; each exchange sends it with an id of its own, and takes no reply that
 * does not come from that address with that id. `tcp`: at once over TCP. The replies are to be freed with
 * exchange_clear. All is over at `deadline_ms` (clock_monotonic_ms) at the latest. */
void exchange_run(struct exchange *list, size_t count, struct bytes message, bool tcp, uint64_t deadline_ms);
void exchange_clear(struct exchange *list, size_t count);

#endif

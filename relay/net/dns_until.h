/* Blocking DNS for a task on libuv's pool, up to the end of who wants it. Any thread. */
#ifndef SENDOFF_RELAY_NET_DNS_UNTIL_H
#define SENDOFF_RELAY_NET_DNS_UNTIL_H

#include "base/address/dns_answer.h"

#include <stdatomic.h>

struct dns_until {
  struct dns_source dns;
  const atomic_uint_least64_t *until_ms; /* not 0: who wants it stops */
};
/* `d->dns`, but that once it stops nothing is asked: its end would wait for the answer. `d` outlives what is returned.
 */
struct dns_source dns_until(struct dns_until *d);

#endif

/* In which order an attempt comes to the addresses of a site: by the preference of its hosts (RFC 5321 5.1), in which
 * equals are shuffled, and a host's addresses as its route has them, which is by family in turn (RFC 8305 4). What is
 * known not to answer comes behind all that may (RFC 5321 4.5.4.1), what was slow behind the others of its preference.
 * Pure. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_ADDRESS_ORDER_H
#define SENDOFF_RELAY_DELIVERY_SITE_ADDRESS_ORDER_H

#include "relay/delivery/route/route.h"

#define ADDRESS_ORDER_MAX 160 /* all of a route: 20 hosts, 8 addresses each */

enum address_grade {
  ADDRESS_GOOD,
  ADDRESS_SLOW,  /* another address of the host was faster */
  ADDRESS_FAILED /* it did not take a connection of late */
};

struct address_place {
  unsigned char host, address; /* in the route */
  bool failed, slow;
};
struct address_order {
  struct address_place at[ADDRESS_ORDER_MAX];
  size_t count;
};

struct address_knowledge {
  bool (*usable)(const void *arg, const struct sockaddr_storage *address);
  enum address_grade (*grade)(const void *arg, const struct sockaddr_storage *address);
  uint32_t (*random)(void);
  const void *arg;
};
void address_order_make(struct address_order *o, const struct route *r, const struct address_knowledge *k);
/* While the first is being connected to, may the second be, too (RFC 8305 5)? Not when its host is of worse preference.
 */
bool address_order_may_race(const struct route *r, const struct address_place *first,
                            const struct address_place *second);
/* How long each of the first `most` may take to connect, so that all of them together, two at once where they may be,
 * take no longer than `total_ms`, but `least_ms` in any case. */
uint64_t address_order_connect_ms(const struct address_order *o, const struct route *r, size_t most, uint64_t total_ms,
                                  uint64_t least_ms);

#endif

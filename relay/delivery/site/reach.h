/* Which addresses took a connection from a source of late, and how soon: what did not is tried behind the others for
 * REACH_US, so that an address (a whole family, where IPv6 leads nowhere) costs its time once, and not with each
 * connection. One loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_REACH_H
#define SENDOFF_RELAY_DELIVERY_SITE_REACH_H

#include "relay/delivery/site/address_order.h"
#include "relay/delivery/site/destination.h"

enum address_grade reach_grade(const struct destination *d, const struct sockaddr_storage *address);
/* It did not take a connection, or kept it waiting for its greeting until the time was over. */
void reach_note_failed(const struct destination *d, const struct sockaddr_storage *address);
/* Another address, which was tried later, was connected first. */
void reach_note_slow(const struct destination *d, const struct sockaddr_storage *address);
void reach_note_connected(const struct destination *d, const struct sockaddr_storage *address);

#endif

/* Whom the exchangers of a route belong to: ten thousand domains at one provider are one site. A pure function of the
 * hosts and the table of providers; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_SITE_NAME_H
#define SENDOFF_RELAY_DELIVERY_SITE_SITE_NAME_H

#include "base/shaping.h"
#include "relay/delivery/route/route.h"

#define SITE_NAME_MAX 256

/* The provider that all hosts belong to; else the organizational domain that all their names share; else the next-hop
 * site itself. The entry of the table for it; never NULL. */
const struct shaping_provider *site_name_of(const struct shaping *s, const struct route *r, char out[SITE_NAME_MAX]);

#endif

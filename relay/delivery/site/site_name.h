/* Whom the exchangers of a route belong to (base/site/site_name.h). A pure function of the hosts and the table of
 * providers; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_SITE_NAME_H
#define SENDOFF_RELAY_DELIVERY_SITE_SITE_NAME_H

#include "base/site/site_name.h"
#include "relay/delivery/route/route.h"

/* A host that an operator has named is a site of its own. The entry of the table for it; never NULL. */
const struct shaping_provider *site_name_of(const struct shaping *s, const struct route *r, char out[SITE_NAME_MAX]);

#endif

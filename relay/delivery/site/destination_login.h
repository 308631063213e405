/* A destination whose route logs in: whether it may open a connection now, and what becomes of a login that is refused.
 * For relay/delivery/site/ only; one loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_DESTINATION_LOGIN_H
#define SENDOFF_RELAY_DELIVERY_SITE_DESTINATION_LOGIN_H

#include "relay/delivery/site/destination.h"

/* May a connection be opened? If not, and there is none, its jobs are deferred (the login was refused of late, or there
 * is no token and none to be had); they wait for a token that is on its way, for a minute at most. */
bool destination_login_is_ready(struct destination *d);
/* The next hop has refused the token of that time (0: it was none), though it should be good: another is awaited.
 * False: it is not the token. */
bool destination_token_refused(struct destination *d, const struct incident *incident, int64_t token_from_us);
/* The alarm, and a pause: mail stands still until somebody acts. */
void destination_login_refused(struct destination *d, const struct incident *incident,
                               const struct outcome_place *where);
/* A connection is ready, so its route's login is good. */
void destination_logged_in(struct destination *d);

#endif

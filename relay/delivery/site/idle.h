/* Connections that are open and have nothing to send, those that have been so for longest first. They are kept for the
 * next mail to their site, for CONNECTION_IDLE_MS at most; where destinations wait for a connection (starved.h), those
 * that would help one of them give way at once, the longest idle first. One loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_IDLE_H
#define SENDOFF_RELAY_DELIVERY_SITE_IDLE_H

#include "relay/delivery/site/connection.h"

/* From now on it has nothing to send. May end it. */
void idle_begins(struct connection *c);
/* It has, or ends. Always allowed. */
void idle_ends(struct connection *c);
/* Ends as many as are wanted, and no more at once than there are destinations waiting. */
void idle_give_way(struct delivery *d);
/* It has ended, and what it held is free. */
void idle_gave_way(struct connection *c);

#endif

/* Who is at the other end of the local socket: the user's name, which the system may have to ask others for (NSS), so
 * on libuv's pool. Private to relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_LOCAL_PEER_H
#define SENDOFF_RELAY_SUBMISSION_LOCAL_PEER_H

#include "relay/submission/session.h"

/* The session waits (WAIT_PEER) until s->user and s->identity are known; then `found` is called, unless it has closed.
 */
void local_peer_find(struct session *s, void (*found)(struct session *s));
void local_peer_format(const struct session *s, char out[IP_TEXT]); /* "local user www-data", as logs have it */

#endif

/* Who is at the other end of the local socket: the user's name, which the system may have to ask others for (NSS), so
 * on libuv's pool, a few at once, and no session waits longer than DNS_WAIT_MS. Private to relay/submission/; the
 * loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_LOCAL_PEER_H
#define SENDOFF_RELAY_SUBMISSION_LOCAL_PEER_H

#include "relay/submission/session.h"

/* The look-ups of a loop. OK or E_MEMORY; no session is left when it is freed. */
struct local_peers;
int local_peers_new(struct loop *loop, struct local_peers **out);
void local_peers_free(struct local_peers **all);
/* The session waits (WAIT_PEER) until s->user and s->identity are known; then `found` is called, unless it has closed.
 * When they are not known in time, the session ends with 421. */
void local_peer_find(struct session *s, void (*found)(struct session *s));
void local_peer_format(const struct session *s, char out[IP_TEXT]); /* "local user www-data", as logs have it */

#endif

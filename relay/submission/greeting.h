/* From the connection to the greeting: whose it is (the PROXY header of a load balancer), whether there is room, TLS
 * where it comes first, and that the client has waited for the greeting (RFC 5321 3.1). Private to relay/submission/.
 */
#ifndef SENDOFF_RELAY_SUBMISSION_GREETING_H
#define SENDOFF_RELAY_SUBMISSION_GREETING_H

#include "relay/submission/session.h"

void greeting_begin(struct session *s);                     /* the connection was accepted */
void greeting_header(struct session *s, struct bytes data); /* in PROXY: what came */
void greeting_send(struct session *s);                      /* in ARRIVED: greets, once nothing is in the way */
void greeting_too_early(struct session *s);                 /* in ARRIVED: octets came before the greeting */
void greeting_leave(struct session *s);                     /* the end: no longer counted */
int greeting_start_tls(struct session *s);                  /* OK, or TLS cannot be started: end the session */

#endif

/* TLS handshakes of clients that fail: no reply can be sent, so the log is the one place where they are seen. Private
 * to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_TLS_FAILURE_H
#define SENDOFF_RELAY_SUBMISSION_TLS_FAILURE_H

#include "relay/submission/session.h"

/* Ends the session, whose stream has failed or has taken too long: as a refusal that is logged and counted, where a
 * handshake was under way or the client says that it does not trust the certificate. `why`: what is known of it. */
void tls_failure_end(struct session *s, const char *why);

#endif

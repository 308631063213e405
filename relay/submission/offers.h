/* The service extensions that a session offers (RFC 5321 2.2): one table for what EHLO says and for which parameters
 * are known, so that neither can be true without the other. Private to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_OFFERS_H
#define SENDOFF_RELAY_SUBMISSION_OFFERS_H

#include "relay/smtp/extensions.h"
#include "relay/submission/session.h"

/* What is true for this session now; nothing after HELO. */
unsigned session_offers(const struct session *s);
/* The lines of the EHLO reply behind its first. */
void offers_announce(struct session *s);

#endif

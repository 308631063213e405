/* What MAIL and RCPT check alike before the content is sent. Private to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_PRECHECK_H
#define SENDOFF_RELAY_SUBMISSION_PRECHECK_H

#include "relay/submission/session.h"

/* Which parameters this session may say, and how far they go. */
struct parameter_rules session_parameter_rules(const struct session *s);
/* RFC 6531 3.2, 3.4. Returns E_DENIED. */
int refuse_utf8(struct refusal *why);
/* Would the account's limits take a message to so many recipients, going by what is committed so far? The store
 * decides exactly, when the message is kept. OK or E_DENIED. */
int precheck_limits(const struct session *s, uint64_t recipients, struct refusal *why);

#endif

/* The parameters of MAIL and RCPT that a session may say. Private to relay/submission/. */
#ifndef SENDOFF_RELAY_SUBMISSION_SESSION_PARAMETERS_H
#define SENDOFF_RELAY_SUBMISSION_SESSION_PARAMETERS_H

#include "relay/submission/session.h"

/* Which parameters this session may say, and how far they go. */
struct parameter_rules session_parameter_rules(const struct session *s);
/* RFC 6531 3.2, 3.4. Returns E_DENIED. */
int refuse_utf8(struct refusal *why);

#endif

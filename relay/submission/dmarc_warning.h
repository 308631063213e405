/* A domain whose mail would fail its own DMARC policy, where that is only observed, is in the log once a day. Private
 * to relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_DMARC_WARNING_H
#define SENDOFF_RELAY_SUBMISSION_DMARC_WARNING_H

#include "relay/submission/session.h"

struct dmarc_warnings;
int dmarc_warnings_new(struct dmarc_warnings **out); /* OK or E_MEMORY */
void dmarc_warnings_free(struct dmarc_warnings **w);
/* The session's message was accepted: writes the event, if it is due. */
void dmarc_warn(struct session *s);

#endif

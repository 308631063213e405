/* Takes out of a job what cannot go to a host together with the rest. One loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_JOB_FIT_H
#define SENDOFF_RELAY_DELIVERY_SITE_JOB_FIT_H

#include "relay/delivery/client/envelope_commands.h"

/* The recipients that the host can never take, for the reason in `why`, when it can take others: as a job of their own
 * that the caller owns. NULL: there are none, or all are alike, or there is no memory (then the host will say it). */
struct job *job_take_unfit(struct job *j, const struct ehlo *e, struct incident *why);
/* The recipients beyond the host's RCPTMAX (RFC 9422 4.2), likewise; the same job can be sent to it after. */
struct job *job_take_excess(struct job *j, const struct ehlo *e);

#endif

/* Refusals that a person may ask about: each gets a reference that `sendoff why` expands, and a line in the delivery
 * log. The same refusal made again within a minute keeps its reference and raises its count, at most one write a
 * second, so that a client that hammers cannot fill the log. Refusals are the same when all that the log says of them
 * is: account, envelope, client, rule, code, what of the rule they are about, and of a message whose content came its
 * Subject, Message-ID and stream. Only so many messages a second have a line of their own; the rest are counted in one
 * without these. Of clients without a login only so many refusals a second have one; the rest share one for each rule.
 * One for each loop, bounded; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_REFUSAL_LOG_H
#define SENDOFF_RELAY_SUBMISSION_REFUSAL_LOG_H

#include "base/id.h"
#include "base/mail/event.h"
#include "base/mail/refusal.h"
#include "relay/net/loop.h"

struct refusal_log;
int refusal_log_new(struct loop *loop, struct refusal_log **out); /* OK or E_MEMORY */
void refusal_log_free(struct refusal_log **l);
/* Writes the counts that are not yet written; once a second, and before the end. */
void refusal_log_flush(struct refusal_log *l);

/* `e` gives account, from, to and host; stream, and subject and header_id or NULL. The reference goes to `ref`. */
void refusal_log_add(struct refusal_log *l, const struct refusal *r, const struct event *e, char ref[REF_LENGTH + 1]);

#endif

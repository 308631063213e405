/* What the end of a delivery says of the recipient: whether the mailbox is gone (hard), cannot take mail for now
 * (soft), or nothing at all, because the message, its sender or the way there failed. Pure; any thread. RFC 3463, and
 * IANA's registry of enhanced status codes; docs/suppression.md has the tables for readers. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_BOUNCE_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_BOUNCE_H

#include "base/mail/suppression.h"
#include "relay/delivery/outcome/verdict.h"

/* `r` is what verdict_rule made of `i`. */
enum bounce bounce_of(const struct incident *i, const struct ruling *r);
/* A permanent refusal of whoever sends it: by policy, for its reputation, or as spam. Not one of the mailbox, of the
 * message's size or form, or of a host that does not relay. */
bool bounce_blames_sender(const struct incident *i, const struct ruling *r);

#endif

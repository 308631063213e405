/* Looks up the facts that a check of the policy asks for and the session does not have: what has been used, the disk's
 * room, the brake, suppression, SPF, DMARC. They are left in the transaction. For decision.c; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_FACTS_GATHER_H
#define SENDOFF_RELAY_SUBMISSION_FACTS_GATHER_H

#include "relay/submission/session.h"

/* A stage begins: what may have changed since the last one, or is another recipient's, is not known. */
void facts_begin_stage(struct transaction *tx);
/* None of these (enum fact) has to be waited for. */
bool facts_at_hand(unsigned missing);
/* All of these can be looked up. */
bool facts_can_gather(unsigned missing);
/* True: they are known now. False: the session waits, and `known` is called when the one that it waits for is there;
 * unless the session has closed by then. It returns whether it has decided: else another fact is waited for. Whatever
 * is still missing, the policy asks for again. */
bool facts_gather(struct session *s, unsigned missing, bool (*known)(struct session *s));

#endif

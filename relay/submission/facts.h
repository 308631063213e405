/* What a session says of itself and of its message, as facts for the policy (policy/policy.h): filled in with the
 * command, or the answer, that brings them. intake_facts.c has those that the header brings; facts_gather.h looks up
 * the others. Private to relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_FACTS_H
#define SENDOFF_RELAY_SUBMISSION_FACTS_H

#include "relay/submission/session.h"
#include "store/write.h"

/* The session's account, as it is now, and nothing else. */
void facts_of_session(const struct session *s, struct facts *out);
/* MAIL: the transaction's, whose reverse-path and parameters are there. `from` may have its views into the command. */
void facts_of_envelope(struct session *s, const struct address *from);
/* RCPT: the transaction's pending recipient. `to` may have its views into the command; `simulator`: its
 * domain, or NULL. */
void facts_of_recipient(struct transaction *tx, const struct address *to, const char *simulator);
/* It was decided about: how many recipients there are now is all that stays. */
void facts_forget_recipient(struct transaction *tx);
/* What the store said when it did not take the message. */
void facts_of_commit(struct transaction *tx, const struct store_accept *a);

#endif

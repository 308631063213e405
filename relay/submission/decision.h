/* Gathers the facts that the policy asks for, and gives its verdict: nothing is decided here (policy/policy.h). Facts
 * live in the transaction; those that change (usage, the clock) are gathered anew at each stage. Private to
 * relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_DECISION_H
#define SENDOFF_RELAY_SUBMISSION_DECISION_H

#include "relay/submission/session.h"

/* What every stage knows: the session's account, as it is now. */
void decision_facts(const struct session *s, struct facts *out);
/* A stage whose facts are all at hand. OK or E_DENIED with `why`. Without a transaction only STAGE_SESSION. */
int decide_now(struct session *s, enum stage stage, struct refusal *why);
/* A stage that may have to wait for facts (DNS): `done` is called with the verdict, at once or later; never after the
 * session has closed. */
void decide(struct session *s, enum stage stage, void (*done)(struct session *s, const struct verdict *v));

#endif

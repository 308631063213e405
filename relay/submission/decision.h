/* Runs the stages of the policy (policy/policy.h) on the facts of the session and its transaction, and says the
 * verdict: nothing is decided here. facts.h has the facts that a command brings; what a check lacks is looked up
 * (facts_gather.h). Private to relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_DECISION_H
#define SENDOFF_RELAY_SUBMISSION_DECISION_H

#include "relay/submission/session.h"

/* A stage whose facts are all at hand. OK or E_DENIED with `why`. Without a transaction only STAGE_SESSION. */
int decide_now(struct session *s, enum stage stage, struct refusal *why);
/* A stage that may have to wait for facts (DNS, the store): `done` is called with the verdict, at once or later; never
 * after the session has closed. */
void decide(struct session *s, enum stage stage, void (*done)(struct session *s, const struct verdict *v));

#endif

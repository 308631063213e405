/* Refusals that a person may ask about: each gets a reference that `sendoff why` expands, and a line in the delivery
 * log. The same refusal made again within a minute keeps its reference and raises its count, at most one write a
 * second, so that a client that hammers cannot fill the log. One table a loop, bounded; the loop's thread only. */
#ifndef SENDOFF_RELAY_REFUSAL_H
#define SENDOFF_RELAY_REFUSAL_H

#include "base/event.h"
#include "base/id.h"
#include "relay/net/loop.h"

struct refusals;
int refusals_new(struct loop *loop, struct refusals **out);
void refusals_flush(
    struct refusals *r); /* writes the counts that are not yet written; once a second, and before the end */
void refusals_free(struct refusals **r);

/* `rule` says what makes it the same refusal ("60/minute", "sender ceo@bank.example"). `e` gives account, from, to,
 * code, enhanced, text, host. The reference goes to `ref`. */
void refusal_note(struct refusals *r, const char *rule, const struct event *e, char ref[REF_LENGTH + 1]);

#endif

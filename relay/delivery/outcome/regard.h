/* What the end of an attempt says of the source that it left from, in the eyes of the provider (docs/warm-up.md). Pure;
 * any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_REGARD_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_REGARD_H

#include "base/site/warmup.h"
#include "relay/delivery/outcome/verdict.h"

/* `r` is what verdict_rule made of `i`. */
enum regard regard_of(const struct incident *i, const struct ruling *r);
void regard_count(enum regard regard, struct warmup_tally *to);

#endif

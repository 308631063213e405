/* May a message leave from other sources than those that it was decided for? Pure; any thread. */
#ifndef SENDOFF_POLICY_SOURCE_USE_H
#define SENDOFF_POLICY_SOURCE_USE_H

#include "policy/policy.h"

/* True: from `r->preferred` or not at all, because the others would fail an enforced check, or may. */
bool source_use_is_bound(const struct facts *f, const struct source_rank *r);
/* True: sources of another pool may make an enforced check fail, or From's DMARC policy, whether that is enforced here
 * or not. */
bool source_use_rests_on_spf(const struct facts *f);

#endif

/* May a message leave from the pool's other sources, when those that come first cannot be used? Pure; any thread. */
#ifndef SENDOFF_POLICY_SOURCE_USE_H
#define SENDOFF_POLICY_SOURCE_USE_H

#include "policy/policy.h"

/* True: from `r->preferred` or not at all, because the others would fail an enforced check, or may. */
bool source_use_is_bound(const struct facts *f, const struct source_rank *r);

#endif

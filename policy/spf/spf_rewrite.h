/* One term of a record as libspf2 is to see it: for one source, with its macros expanded, and so that what libspf2 gets
 * wrong does not occur. Pure; any thread. */
#ifndef SENDOFF_POLICY_SPF_SPF_REWRITE_H
#define SENDOFF_POLICY_SPF_SPF_REWRITE_H

#include "policy/spf/spf_expand.h"
#include "policy/spf/spf_syntax.h"

/* In front of the name of an a or mx term whose prefix length is 0, which libspf2 takes for none: any address that is
 * found under the name matches, so the source's own is said to be there. Records are printable ASCII, and so is what
 * macros make of `values`: nobody else can write it. */
#define SPF_ANY_ADDRESS '\001'
#define SPF_REWRITTEN_MAX (SPF_EXPANDED_MAX + 40)

/* A whole record of that one term. `source` is the address. OK, or E_TOO_BIG with the reason. */
int spf_rewrite(const struct spf_term *term, const struct spf_values *values, const char *source,
                char out[SPF_REWRITTEN_MAX + 1], struct reason *why);

#endif

/* Which sources of a pool mail is to leave from, by what the sending domain's SPF record says of each: those that make
 * SPF pass come first, and one that would fail an enforced check is not used. Pure; any thread. */
#ifndef SENDOFF_POLICY_SOURCE_RANK_H
#define SENDOFF_POLICY_SOURCE_RANK_H

#include "policy/spf/spf.h"

#include <stddef.h>

#define SOURCES_MAX 16                       /* of a pool, that one decision looks at */
#define SOURCES_TEXT (SOURCES_MAX * IP_TEXT) /* as an envelope has them */

struct source_rank {
  struct spf_verdict best;      /* of the source that does best */
  size_t count;                 /* how many were asked about */
  size_t failing;               /* of which the record says fail */
  size_t unasked;               /* others of the pool, beyond SOURCES_MAX: what it says of them is not known */
  char preferred[SOURCES_TEXT]; /* those that do as well as the best: "192.0.2.1 192.0.2.2"; "": all do */
};

/* `verdicts` are those of the first `count`, at least 1, of `total` sources of the pool that may be used. */
void source_rank(const struct spf_verdict *const verdicts[], size_t count, size_t total, struct source_rank *out);
/* Is this address one of the list? */
bool source_listed(const char *list, const char *address);

#endif

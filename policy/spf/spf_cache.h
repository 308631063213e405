/* Remembers SPF verdicts for as long as their records' TTL. Not thread-safe: each event loop owns one. Bounded: when
 * full, the entry that ends soonest goes. */
#ifndef SENDOFF_POLICY_SPF_SPF_CACHE_H
#define SENDOFF_POLICY_SPF_SPF_CACHE_H

#include "policy/spf/spf.h"

struct spf_cache;
struct spf_cache *spf_cache_new(size_t max_entries);
void spf_cache_free(struct spf_cache **cache);
/* NULL, or a verdict that lives until the next call. */
const struct spf_verdict *spf_cache_find(struct spf_cache *cache, const char *source_ip, const char *reverse_path,
                                         const char *helo, int64_t now_us);
void spf_cache_put(struct spf_cache *cache, const char *source_ip, const char *reverse_path, const char *helo,
                   const struct spf_verdict *v, int64_t now_us);

#endif

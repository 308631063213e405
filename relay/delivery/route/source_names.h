/* The names of the sources that are global addresses: looked up at start, when one is added or changed, and hourly, one
 * after the other on libuv's pool. What DNS says is kept in the store, and so in the directory. An IPv6 source whose
 * name is not confirmed is not used; an IPv4 source is warned of. Lives on loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_NAMES_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_NAMES_H

#include "base/address/dns_answer.h"
#include "base/result.h"
#include "relay/net/loop.h"

#define SOURCE_NAME_EVERY_MS (3600 * 1000)      /* between two checks of a source, and two warnings */
#define SOURCE_NAME_REPAIR_MS (300 * 1000)      /* the same, of one whose name is not confirmed */
#define SOURCE_NAME_AGAIN_MS (60 * 1000)        /* after DNS did not answer */
#define SOURCE_NAME_UNJUDGED_MS (5 * 60 * 1000) /* an IPv6 source waits so long for its first check, and no longer */
#define SOURCE_NAMES_MAX 1000                   /* sources that are checked; those beyond it are used as they are */

struct source_names;
/* `dns` is copied. NULL without memory. */
struct source_names *source_names_new(struct loop *loop, const struct dns_source *dns);
/* Each second: takes the directory's sources as they are now, and checks the next that is due. */
void source_names_tick(struct source_names *n, uint64_t now_ms);
/* May mail leave from it? E_DENIED with the reason. */
int source_name_allows(const struct source_names *n, const struct source *s, uint64_t now_ms, struct reason *why);
/* Nothing is asked or posted to the store any more. */
void source_names_stop(struct source_names *n);
/* While the loop still runs: the memory goes when a check that is under way has ended. */
void source_names_free(struct source_names **n);

#endif

/* The sources at the configured blocklists: each address at each list of addresses, each HELO name at each list of
 * domains, one question after the other on libuv's pool, every few hours. What a list says is kept in the store, so
 * that a restart does not ask again. A listing is warned of when it begins and hourly, and pauses the sources that are
 * to be paused by one. Lives on loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_BLOCKLIST_WATCH_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_BLOCKLIST_WATCH_H

#include "base/address/dns_answer.h"
#include "base/result.h"
#include "relay/net/loop.h"

#define BLOCKLIST_QUESTIONS_MAX 10000 /* pairs of list and subject; those beyond it are not asked about */

struct blocklist_watch;
/* `dns` is copied. NULL without memory. */
struct blocklist_watch *blocklist_watch_new(struct loop *loop, const struct dns_source *dns);
/* Each second, with the wall clock: takes the directory's sources as they are now, and asks what is due next. */
void blocklist_watch_tick(struct blocklist_watch *w, int64_t now_us);
/* May mail leave from it? E_DENIED with the reason. */
int blocklist_watch_allows(const struct blocklist_watch *w, const struct source *s, struct reason *why);
/* How many pairs of list and subject are listed, and how many lists are not believed or do not answer. */
void blocklist_watch_count(const struct blocklist_watch *w, uint64_t *listings, uint64_t *failing);
/* Nothing is asked or posted to the store any more. */
void blocklist_watch_stop(struct blocklist_watch *w);
/* While the loop still runs: the memory goes when a question that is under way has ended. */
void blocklist_watch_free(struct blocklist_watch **w);

#endif

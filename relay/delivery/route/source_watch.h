/* Which sources this machine can send from now. They are all asked about as time goes on, and each when it is to be
 * used; what was found holds for SOURCE_CHECK_MS, so one that goes away, or comes back, is noticed within that time and
 * is in the log once. One thread. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_WATCH_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_WATCH_H

#include "base/directory/directory.h"

#define SOURCE_CHECK_MS 5000
#define SOURCES_WATCHED_MAX 1000 /* those beyond are asked about each time that they are to be used */

struct source_watch;
/* `is_here` as address_is_here (relay/net/local_address.h). `gone` is called for each that goes away. NULL without
 * memory.
 */
struct source_watch *source_watch_new(bool (*is_here)(const struct sockaddr *address),
                                      void (*gone)(void *arg, const char *address), void *arg);
void source_watch_free(struct source_watch **w);
/* Each second: asks about those of the directory whose turn it is, and forgets those that are not in it any more. */
void source_watch_tick(struct source_watch *w, const struct directory *d, uint64_t now_ms);
/* `address` is an IP literal; one that cannot be read is not usable. */
bool source_usable(struct source_watch *w, const char *address, uint64_t now_ms);
/* How many were away when they were asked about last. */
size_t source_watch_away(const struct source_watch *w);

#endif

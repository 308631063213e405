/* Which sources this machine can send from now. A source is asked about when it is to be used, and what was found holds
 * for SOURCE_CHECK_MS, so one that comes back is used again within that time. One thread. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_WATCH_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define SOURCE_CHECK_MS 5000
#define SOURCE_WARN_MS (3600 * 1000) /* between two warnings of one source that stays away */
#define SOURCES_WATCHED_MAX 1000     /* the one met first gives way */

struct source_watch;
/* `is_here` as address_is_here (relay/net/local_address.h). NULL without memory. */
struct source_watch *source_watch_new(bool (*is_here)(const struct sockaddr *address));
void source_watch_free(struct source_watch **w);
/* `address` is an IP literal; one that cannot be read is not usable. */
bool source_usable(struct source_watch *w, const char *address, uint64_t now_ms);

#endif

/* Looks at the records of each domain once a day (relay/domain/check.h), one domain at a time, on libuv's pool, and
 * keeps what it finds in the store: what has changed is an event, and a record that was right and is not any more an
 * alarm, until it is right again. loops[0]. */
#ifndef SENDOFF_RELAY_DOMAIN_DOMAIN_WATCH_H
#define SENDOFF_RELAY_DOMAIN_DOMAIN_WATCH_H

#include "base/address/dns_answer.h"
#include "base/result.h"
#include "relay/net/loop.h"

#define DOMAIN_WATCH_US (INT64_C(86400) * 1000000)      /* a domain is looked at as often */
#define DOMAIN_WATCH_AGAIN_US (INT64_C(3600) * 1000000) /* one that is in alarm */
#define DOMAIN_WATCH_FIRST_US (INT64_C(600) * 1000000)  /* a new one is given so long to be published */

struct domain_watch;
/* `dns` is copied. E_MEMORY, E_IO (the store) with the reason. */
int domain_watch_new(struct loop *loop, const struct dns_source *dns, struct domain_watch **out, struct reason *why);
/* Each second. */
void domain_watch_tick(struct domain_watch *w, int64_t now_us);
void domain_watch_stop(struct domain_watch *w); /* asks nothing more */
/* While the loop still runs, after domain_watch_stop: it is freed now, or when what is under way has ended. */
void domain_watch_free(struct domain_watch **w);

#endif

/* Which sites have answered of late, and which only kept a connection waiting. Bounded; one loop's thread. Times are
 * clock_monotonic_ms. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_SITE_MEMORY_H
#define SENDOFF_RELAY_DELIVERY_SITE_SITE_MEMORY_H

#include "relay/delivery/site/shares.h"

#define SITE_MEMORY_MAX 10000 /* the one that was noted first gives way */
#define SITE_MEMORY_MS (3600 * 1000)
#define SITE_KEY_MAX 300 /* what is longer is cut */

struct site_memory;
struct site_memory *site_memory_new(void); /* NULL without memory */
void site_memory_free(struct site_memory **m);
/* A transaction came to its end there, whatever the replies. Without memory it is simply not known. */
void site_answered(struct site_memory *m, const char *key, uint64_t now_ms);
/* A connection waited there until its time was over. One that has answered before gets the benefit of the doubt: it is
 * new again. */
void site_was_silent(struct site_memory *m, const char *key, uint64_t now_ms);
enum site_class site_class_of(struct site_memory *m, const char *key, uint64_t now_ms);

#endif

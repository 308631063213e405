/* Sites of which no host takes a connection, and when each is probed next: after as long as the retries of a message
 * would wait, and never longer than DOWN_MOST_US. Plain data with the clock passed in (clock_now_us); bounded; one
 * loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_DOWNS_H
#define SENDOFF_RELAY_DELIVERY_SITE_DOWNS_H

#include "base/clock.h"
#include "base/directory/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DOWNS_MAX 10000 /* the one that failed first gives way */
#define DOWN_MOST_US (1800 * SECOND_US)

struct downs;
struct downs *downs_new(void); /* NULL without memory */
void downs_free(struct downs **d);
/* It failed once more: when it is probed next. `key`: source and site. 0 without memory. */
int64_t downs_failed(struct downs *d, const char *key, const struct config *c, int64_t now_us);
bool downs_any(const struct downs *d);
/* True: it was down. */
bool downs_answered(struct downs *d, const char *key);

#endif

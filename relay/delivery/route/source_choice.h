/* From which address mail leaves, and which loop does it. Pure; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_CHOICE_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_CHOICE_H

#include "base/directory/directory.h"
#include "relay/delivery/route/route.h"

struct source_test {
  /* Can mail leave from it now? OK, or an error with the reason. */
  int (*usable)(void *arg, const struct source *s, struct reason *why);
  /* And as much as this? One that warms up may have sent today's amount. NULL: always. */
  bool (*has_room)(void *arg, const struct source *s);
  void *arg;
};

/* What was learnt of a site: percent of its weight, 1 to 100, that a source of its pool keeps there. */
struct source_scale {
  unsigned (*percent)(void *arg, const struct source *s);
  void *arg;
};

/* Which sources of a pool a message may leave from. */
struct source_wish {
  const char *pool;
  const char *first;                /* those of this list first (struct envelope's sources); "": any */
  bool only;                        /* or not at all */
  const char *kept;                 /* the address of its last attempt; "": none yet */
  int64_t message_id;               /* by which the sources of a pool share */
  const struct source_scale *scale; /* of the site; NULL: nothing is known of it */
};

/* The source of this pool for this message. The one of its last attempt, while that can be used: where mail is
 * greylisted, the same address must come again. Else by weight (source_lot.h), scaled by what was learnt of the site,
 * those of weight 0 only when no other can be used. What has no room is passed over, but when it is the one of the last
 * attempt, or when the message's list has no other: then, or when no other of the pool can be used, E_BUSY, and *out is
 * the one to wait for. *out NULL with OK means the system's choice (the pool "default" has no sources). E_NOT_FOUND
 * with the reason when no source of the pool can be used: the pool has none, or none of the family of any of the site's
 * addresses, or the test says no to those. Leaving from an address outside the pool instead would be wrong. */
int source_choose(const struct directory *d, const struct source_wish *wish, const struct route *route,
                  const struct source_test *test, const struct source **out, struct reason *why);
/* Which of `count` loops owns the destination. `source` may be NULL. */
size_t destination_owner(const char *source, const char *site, size_t count);

#endif

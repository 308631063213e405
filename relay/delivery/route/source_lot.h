/* Weighted rendezvous hashing: each source of a pool draws a lot for a message, and the smallest wins, so that a pool's
 * mail is shared by weight without anything that must be remembered. A source's lot depends on nothing but the message
 * and its own address and weight: one that comes, or gains weight, takes mail from the others alone; of one that goes,
 * or loses weight, only its own mail moves. Integers only: every machine draws the same. Pure; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_LOT_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_SOURCE_LOT_H

#include <stdbool.h>
#include <stdint.h>

struct source_lot {
  uint64_t cost;   /* exponentially distributed, the same for any weight */
  unsigned weight; /* 1 to 100 times SOURCE_WEIGHT_MOST (base/directory/directory.h); 0 counts as 1 */
};

struct source_lot source_lot_draw(const char *address, unsigned weight, int64_t message_id);
/* Does `a` come before `b`? cost by weight, exactly: the one with k times the weight wins k times as often. */
bool source_lot_wins(const struct source_lot *a, const struct source_lot *b);

#endif

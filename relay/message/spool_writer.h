/* Writing one message's content to its spool file while it arrives, on libuv's pool, in order, with a bound on what
 * waits. The loop's thread only. */
#ifndef SENDOFF_RELAY_MESSAGE_SPOOLING_H
#define SENDOFF_RELAY_MESSAGE_SPOOLING_H

#include "relay/net/loop.h"

#define SPOOLING_WAITING_MAX (256 * 1024) /* octets; above it spooling_is_full, and the session pauses */

struct spooling;
/* `moved` is called after each write: `why` NULL, or the failure (then nothing more is written). NULL without memory.
 */
struct spooling *spooling_begin(struct loop *loop, int64_t id, void (*moved)(void *arg, struct reason *why), void *arg);
int spooling_write(struct spooling *s, struct bytes data); /* copies; E_MEMORY, E_TOO_BIG when far over the bound */
bool spooling_is_full(const struct spooling *s);
uint64_t spooling_octets(const struct spooling *s); /* given so far */
/* Writes the rest, syncs file and folder, then calls `done` once: `why` NULL when the file is safe. */
void spooling_finish(struct spooling *s, void (*done)(void *arg, struct reason *why));
bool spooling_is_finishing(const struct spooling *s);
/* Lets go of it, also in the middle: no callback comes any more. `remove`: the file is not wanted. */
void spooling_end(struct spooling **s, bool remove);

#endif

/* Writes one message's content to its spool file while it arrives, on libuv's pool, in order, with a bound on what
 * waits. The loop's thread only. */
#ifndef SENDOFF_RELAY_MESSAGE_SPOOL_WRITER_H
#define SENDOFF_RELAY_MESSAGE_SPOOL_WRITER_H

#include "relay/net/loop.h"

#define SPOOL_WRITER_WAITING_MAX (256 * 1024) /* octets; above it spool_writer_is_full, and the session pauses */

struct spool_writer;
/* `moved` is called after each write: `why` NULL, or the failure (then nothing more is written). NULL without memory.
 */
struct spool_writer *spool_writer_begin(struct loop *loop, int64_t id, void (*moved)(void *arg, struct reason *why),
                                        void *arg);
/* Copies. OK, E_MEMORY, E_TOO_BIG when far over the bound. */
int spool_writer_write(struct spool_writer *w, struct bytes data);
bool spool_writer_is_full(const struct spool_writer *w);
uint64_t spool_writer_octets(const struct spool_writer *w); /* given so far */
/* Writes the rest, syncs file and folder, then calls `done` once: `why` NULL when the file is safe. */
void spool_writer_finish(struct spool_writer *w, void (*done)(void *arg, struct reason *why));
bool spool_writer_is_finishing(const struct spool_writer *w);
/* Releases it, also in the middle: no callback comes any more. `remove`: the file is not wanted. */
void spool_writer_end(struct spool_writer **w, bool remove);

#endif

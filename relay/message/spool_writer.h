/* Writes one message's content to its spool file while it arrives, on libuv's pool, in order, with a bound on what
 * waits. The loop's thread only. */
#ifndef SENDOFF_RELAY_MESSAGE_SPOOL_WRITER_H
#define SENDOFF_RELAY_MESSAGE_SPOOL_WRITER_H

#include "relay/net/loop.h"

#define SPOOL_WRITER_WAITING_MAX (256 * 1024) /* octets; above it spool_writer_is_full, and the session pauses */

struct spool_writer;
/* `moved` is called after each write until spool_writer_finish: `why` NULL, or the failure (then nothing more is
 * written). The file is made with the first write. NULL without memory. */
struct spool_writer *spool_writer_begin(struct loop *loop, int64_t id, void (*moved)(void *arg, struct reason *why),
                                        void *arg);
/* Copies. Not after spool_writer_finish. OK; E_MEMORY, E_TOO_BIG when far over the bound: nothing was taken. */
int spool_writer_write(struct spool_writer *w, struct bytes data);
/* Enough waits; `moved` says when to ask again. */
bool spool_writer_is_full(const struct spool_writer *w);
uint64_t spool_writer_octets(const struct spool_writer *w); /* taken so far */
/* Writes the rest, syncs file and folder, then calls `done` once, never before this returns: `why` NULL when the file
 * is safe, else the first failure of all. */
void spool_writer_finish(struct spool_writer *w, void (*done)(void *arg, struct reason *why));
/* spool_writer_finish was called. */
bool spool_writer_is_finishing(const struct spool_writer *w);
/* At any time, of NULL too: no callback comes any more, and it is freed when its work on the pool is over; the loop
 * must run until then. `remove`: the file is not wanted. */
void spool_writer_end(struct spool_writer **w, bool remove);

#endif

/* The private keys that sign, by the id that the directory knows them by. Made by the daemon when the directory is
 * read, handed to the loops beside it. Immutable, counted; any thread may read one that it holds. In memory that is
 * locked (dkim/key_memory.h), and wiped when it goes. */
#ifndef SENDOFF_RELAY_MESSAGE_KEY_RING_H
#define SENDOFF_RELAY_MESSAGE_KEY_RING_H

#include "base/directory/directory.h"
#include "base/result.h"

struct reader;
struct key_ring;

/* The directory's active keys: those that `before` (NULL is allowed) has are taken over, the others are read from the
 * store. A key that was removed meanwhile is left out: the next directory will not name it. One reference. E_MEMORY,
 * E_IO. Blocking: the daemon's own thread. */
int key_ring_load(struct reader *r, const struct directory *d, const struct key_ring *before, struct key_ring **out,
                  struct reason *why);
struct key_ring *key_ring_hold(struct key_ring *k);
void key_ring_release(struct key_ring **k);
/* PKCS #8 PEM; empty: it is not there. Lives as long as the reference. */
struct bytes key_ring_find(const struct key_ring *k, int64_t key_id);

#endif

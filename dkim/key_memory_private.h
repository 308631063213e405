/* For dkim/ itself, and its tests. */
#ifndef SENDOFF_DKIM_KEY_MEMORY_PRIVATE_H
#define SENDOFF_DKIM_KEY_MEMORY_PRIVATE_H

#include "dkim/key_memory.h"

#define KEY_ARENA_MAX (64 * 1024 * 1024)

/* --- the arena (key_arena.c) --- */

void key_arena_open(void);
/* NULL: it was never opened, or is full, or `len` is more than it has blocks for (32 KB). */
void *key_arena_alloc(size_t len);
bool key_arena_has(const void *at);
size_t key_arena_size(const void *at); /* of a block: what it has room for */
void key_arena_free(void *at);         /* a block; wiped */

/* --- OpenSSL's memory (key_memory.c) --- */

/* Until it ends, whatever OpenSSL allocates on this thread comes from the arena. */
void key_memory_begin(void);
void key_memory_end(void);

#endif

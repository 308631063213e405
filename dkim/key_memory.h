/* Memory for private keys: locked, so that it is never written to swap, left out of core dumps, and wiped when it is
 * freed. Any thread, but for key_memory_open. */
#ifndef SENDOFF_DKIM_KEY_MEMORY_H
#define SENDOFF_DKIM_KEY_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Once in the process, before anything uses OpenSSL, and before privileges are dropped: root may lock all of it at
 * once. What cannot be locked is used all the same, and the log says so, once. Without this call, as on the command
 * line, keys are in ordinary memory. */
void key_memory_open(void);

/* Ordinary memory where there is no other; NULL: none at all. Always to be freed with key_memory_free. */
void *key_memory_alloc(size_t len);
void key_memory_free(void *at, size_t len); /* `len` as it was asked for; NULL is allowed */

#endif

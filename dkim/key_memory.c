/* OpenSSL has a heap for secrets of its own, but only part of a private key goes there. Parsing leaves the key's DER
 * behind in memory that was freed and not wiped, and the first signature copies the primes of an RSA key into
 * Montgomery contexts on the ordinary heap (both seen with 3.0). When its heap is full, keys cannot be parsed at all.
 *
 * So OpenSSL's allocator is ours (CRYPTO_set_mem_functions; its secure heap, never set up, goes the same way). While a
 * key is parsed and signs for the first time, everything that OpenSSL allocates on that thread is in the arena
 * (key_arena.c), which is wiped when it is freed; in all other cases it is malloc. When the arena is full, it is
 * malloc, too. */
#include "dkim/key_memory.h"

#include "base/bytes.h"
#include "dkim/key_memory_private.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local unsigned within;

void key_memory_begin(void) {
  within++;
}

void key_memory_end(void) {
  within--;
}

static void *take(size_t len, const char *file, int line) {
  (void)file, (void)line;
  void *at = within ? key_arena_alloc(len) : NULL;
  return at ? at : malloc(len);
}

static void give(void *at, const char *file, int line) {
  (void)file, (void)line;
  if (key_arena_has(at))
    key_arena_free(at);
  else
    free(at);
}

static void *retake(void *at, size_t len, const char *file, int line) {
  if (!key_arena_has(at)) return realloc(at, len);
  size_t had = key_arena_size(at);
  if (len && len <= had) return at;
  void *moved = len ? take(len, file, line) : NULL;
  if (moved) memcpy(moved, at, had < len ? had : len);
  if (moved || !len) give(at, file, line);
  return moved;
}

void key_memory_open(void) {
  key_arena_open();
  CRYPTO_set_mem_functions(take, retake, give);
}

void *key_memory_alloc(size_t len) {
  void *at = key_arena_alloc(len);
  return at ? at : malloc(len);
}

void key_memory_free(void *at, size_t len) {
  if (at && !key_arena_has(at)) wipe(at, len);
  give(at, NULL, 0);
}

/* Blocks of locked memory. Address space for KEY_ARENA_MAX is taken at the start, and used span by span: each span is
 * cut into blocks of one size, a power of two, and stays what it is. Spans are never given back: what keys took once,
 * keys will take again. */
#include "dkim/key_memory_private.h"

#include "base/bytes.h"
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#define SPAN (64 * 1024)
#define SPANS (KEY_ARENA_MAX / SPAN)
#define LEAST_SHIFT 5 /* 32 octets */
#define CLASSES 11    /* to 32 KB */

struct block {
  struct block *next;
};

static struct {
  char *base;        /* NULL: not opened. Never changes after key_arena_open */
  bool locked_whole; /* spans need not be locked one by one */
  bool warned;       /* once is enough */
  size_t spans;      /* in use */
  unsigned char class_of[SPANS];
  struct block *free[CLASSES];
} arena;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void warn(const char *event, const char *reason, const char *advice) {
  if (!arena.warned) log_event(LOG_WARN_, NULL, event, "reason", reason, "advice", advice, NULL);
  arena.warned = true;
}

/* MLOCK_ONFAULT: a page is locked when it is first touched, so what is not used takes no memory. */
static bool lock_pages(char *at, size_t len) {
  return mlock2(at, len, MLOCK_ONFAULT) == 0;
}

void key_arena_open(void) {
  if (arena.base) return;
  char *base = mmap(NULL, KEY_ARENA_MAX, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) {
    warn("private keys are in ordinary memory", strerror(errno), "give the gateway more address space (ulimit -v)");
    return;
  }
  madvise(base, KEY_ARENA_MAX, MADV_DONTDUMP);
  arena.locked_whole = lock_pages(base, KEY_ARENA_MAX);
  arena.base = base;
#ifdef __SANITIZE_ADDRESS__
  __lsan_register_root_region(base, KEY_ARENA_MAX); /* what is reachable from here alone is not lost */
#endif
}

bool key_arena_has(const void *at) {
  return arena.base && (uintptr_t)at - (uintptr_t)arena.base < KEY_ARENA_MAX;
}

static size_t class_for(size_t len) {
  size_t class = 0;
  while (((size_t)1 << (LEAST_SHIFT + class)) < len) class ++;
  return class;
}

static size_t class_at(const void *at) {
  return arena.class_of[((uintptr_t)at - (uintptr_t)arena.base) / SPAN];
}

/* RLIMIT_MEMLOCK ends it for all but root. */
static bool add_span(size_t class) {
  if (arena.spans == SPANS) {
    warn("no more room in locked memory for private keys", "it is full", "the keys used since are in ordinary memory");
    return false;
  }
  char *span = arena.base + arena.spans * SPAN;
  if (mprotect(span, SPAN, PROT_READ | PROT_WRITE) != 0) return false;
  if (!arena.locked_whole && !lock_pages(span, SPAN))
    warn("private keys are in memory that is not locked: it may be written to swap", strerror(errno),
         "allow 64 MB (systemd: LimitMEMLOCK=64M; ulimit -l 65536), or have no swap");
  arena.class_of[arena.spans++] = (unsigned char)class;
  for (size_t i = 0; i < SPAN; i += (size_t)1 << (LEAST_SHIFT + class)) {
    struct block *b = (struct block *)(span + i);
    b->next = arena.free[class];
    arena.free[class] = b;
  }
  return true;
}

void *key_arena_alloc(size_t len) {
  size_t class = class_for(len);
  if (!arena.base || class >= CLASSES) return NULL;
  pthread_mutex_lock(&lock);
  struct block *b = arena.free[class] || add_span(class) ? arena.free[class] : NULL;
  if (b) arena.free[class] = b->next;
  pthread_mutex_unlock(&lock);
  return b;
}

size_t key_arena_size(const void *at) {
  return (size_t)1 << (LEAST_SHIFT + class_at(at));
}

void key_arena_free(void *at) {
  wipe(at, key_arena_size(at));
  struct block *b = at;
  pthread_mutex_lock(&lock);
  b->next = arena.free[class_at(at)];
  arena.free[class_at(at)] = b;
  pthread_mutex_unlock(&lock);
}

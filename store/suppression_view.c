#include "store/suppression_view.h"

#include "base/siphash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_LEAST ((size_t)1024)
#define NO_SLOT 0 /* no fingerprint is 0 */

/* Open addressing, linear probing, at most three quarters full. Nothing is ever taken out. */
struct set {
  uint64_t *slots; /* NULL: none yet */
  size_t slot_count, count;
  bool over; /* something found no room: every answer is "perhaps" */
};

struct suppression_view {
  struct siphash_key key;
  pthread_mutex_t lock; /* of `current`, for those who read it; the writer alone changes it */
  struct set current;
  struct set next; /* while it is built anew */
  bool rebuilding;
};

struct suppression_view *suppression_view_new(void) {
  struct suppression_view *v = calloc(1, sizeof *v);
  if (!v) return NULL;
  random_bytes(v->key.octets, sizeof v->key.octets);
  pthread_mutex_init(&v->lock, NULL);
  return v;
}

void suppression_view_free(struct suppression_view **at) {
  struct suppression_view *v = *at;
  *at = NULL;
  if (!v) return;
  free(v->current.slots);
  free(v->next.slots);
  pthread_mutex_destroy(&v->lock);
  free(v);
}

/* Account and address, parted by what is in neither. */
static uint64_t fingerprint(const struct suppression_view *v, const char *account, const char *address) {
  char both[1024];
  size_t a = strlen(account), b = strlen(address);
  if (a + 1 + b > sizeof both) return 1; /* longer than either can be */
  memcpy(both, account, a);
  both[a] = '\0';
  memcpy(both + a + 1, address, b);
  uint64_t f = siphash(&v->key, (struct bytes){both, a + 1 + b});
  return f == NO_SLOT ? 1 : f;
}

/* Where it is, or would go. */
static size_t slot_of(const struct set *s, uint64_t f) {
  size_t mask = s->slot_count - 1, i = (size_t)f & mask;
  while (s->slots[i] != NO_SLOT && s->slots[i] != f) i = (i + 1) & mask;
  return i;
}

static bool has(const struct set *s, uint64_t f) {
  return s->over || (s->slots && s->slots[slot_of(s, f)] == f);
}

static bool is_full(const struct set *s) {
  return s->count >= s->slot_count / 4 * 3;
}

/* A larger copy; no slots: it cannot grow. */
static struct set grown(const struct set *s) {
  struct set out = {.count = s->count, .slot_count = s->slots ? 2 * s->slot_count : SLOTS_LEAST};
  if (out.slot_count > SUPPRESSION_VIEW_SLOTS_MAX) return (struct set){0};
  out.slots = calloc(out.slot_count, sizeof *out.slots);
  for (size_t i = 0; out.slots && i < s->slot_count; i++)
    if (s->slots[i] != NO_SLOT) out.slots[slot_of(&out, s->slots[i])] = s->slots[i];
  return out;
}

/* The copy is made before the lock is taken, so that no reader waits for it. */
static void put(struct suppression_view *v, struct set *s, uint64_t f) {
  if (has(s, f)) return;
  struct set larger = is_full(s) ? grown(s) : (struct set){0};
  uint64_t *old = larger.slots ? s->slots : NULL;
  pthread_mutex_lock(&v->lock);
  if (larger.slots) *s = larger;
  if (is_full(s))
    s->over = true;
  else {
    s->slots[slot_of(s, f)] = f;
    s->count++;
  }
  pthread_mutex_unlock(&v->lock);
  free(old);
}

void suppression_view_put(struct suppression_view *v, const char *account, const char *address) {
  uint64_t f = fingerprint(v, account, address);
  put(v, &v->current, f);
  if (v->rebuilding) put(v, &v->next, f);
}

bool suppression_view_has(struct suppression_view *v, const char *account, const char *address) {
  uint64_t f = fingerprint(v, account, address);
  pthread_mutex_lock(&v->lock);
  bool found = has(&v->current, f);
  pthread_mutex_unlock(&v->lock);
  return found;
}

bool suppression_view_is_empty(struct suppression_view *v) {
  pthread_mutex_lock(&v->lock);
  bool empty = !v->current.count && !v->current.over;
  pthread_mutex_unlock(&v->lock);
  return empty;
}

size_t suppression_view_count(const struct suppression_view *v) {
  return v->current.over ? SUPPRESSION_VIEW_MAX : v->current.count;
}

void suppression_view_rebuild_begin(struct suppression_view *v) {
  free(v->next.slots);
  v->next = (struct set){0};
  v->rebuilding = true;
}

void suppression_view_rebuild_end(struct suppression_view *v) {
  uint64_t *old = v->current.slots;
  pthread_mutex_lock(&v->lock);
  v->current = v->next;
  pthread_mutex_unlock(&v->lock);
  v->next = (struct set){0};
  v->rebuilding = false;
  free(old);
}

#include "relay/message/key_ring.h"

#include "dkim/key_memory.h"
#include "store/read.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX (32 * 1024)

struct private_key {
  int64_t id;
  char *pem; /* of key_memory_alloc */
  size_t len;
};

struct key_ring {
  atomic_int references;
  size_t count;
  struct private_key keys[]; /* by id */
};

static int by_id(const void *a, const void *b) {
  const struct private_key *x = a, *y = b;
  return (x->id > y->id) - (x->id < y->id);
}

static size_t count_active(const struct directory *d) {
  size_t n = 0;
  for (size_t i = 0; i < d->domain_count; i++)
    for (size_t k = 0; k < d->domains[i].key_count; k++) n += d->domains[i].keys[k].state == KEY_ACTIVE;
  return n;
}

static int take(struct key_ring *ring, int64_t id, struct bytes pem) {
  char *at = key_memory_alloc(pem.len);
  if (!at) return E_MEMORY;
  memcpy(at, pem.at, pem.len);
  ring->keys[ring->count++] = (struct private_key){.id = id, .pem = at, .len = pem.len};
  return OK;
}

static int add(struct key_ring *ring, int64_t id, struct reader *r, const struct key_ring *before, struct reason *why) {
  struct bytes known = before ? key_ring_find(before, id) : (struct bytes){0};
  struct buffer pem;
  buffer_init_secret(&pem, PEM_MAX);
  int rc = known.len ? OK : reader_private_key(r, id, &pem, why);
  if (rc == OK && (rc = take(ring, id, known.len ? known : buffer_bytes(&pem))) != OK) fail(why, rc, "out of memory");
  buffer_wipe_free(&pem);
  return rc == E_NOT_FOUND ? OK : rc;
}

int key_ring_load(struct reader *r, const struct directory *d, const struct key_ring *before, struct key_ring **out,
                  struct reason *why) {
  struct key_ring *ring = *out = calloc(1, sizeof *ring + count_active(d) * sizeof ring->keys[0]);
  if (!ring) return fail(why, E_MEMORY, "out of memory");
  atomic_init(&ring->references, 1);
  int rc = OK;
  for (size_t i = 0; i < d->domain_count; i++)
    for (size_t k = 0; rc == OK && k < d->domains[i].key_count; k++)
      if (d->domains[i].keys[k].state == KEY_ACTIVE) rc = add(ring, d->domains[i].keys[k].id, r, before, why);
  qsort(ring->keys, ring->count, sizeof ring->keys[0], by_id);
  if (rc != OK) key_ring_release(out);
  return rc;
}

struct key_ring *key_ring_hold(struct key_ring *k) {
  if (k) atomic_fetch_add_explicit(&k->references, 1, memory_order_relaxed);
  return k;
}

void key_ring_release(struct key_ring **at) {
  struct key_ring *k = *at;
  *at = NULL;
  if (!k || atomic_fetch_sub_explicit(&k->references, 1, memory_order_acq_rel) != 1) return;
  for (size_t i = 0; i < k->count; i++) key_memory_free(k->keys[i].pem, k->keys[i].len);
  free(k);
}

struct bytes key_ring_find(const struct key_ring *k, int64_t key_id) {
  const struct private_key wanted = {.id = key_id};
  const struct private_key *found = k->count ? bsearch(&wanted, k->keys, k->count, sizeof k->keys[0], by_id) : NULL;
  return found ? (struct bytes){found->pem, found->len} : (struct bytes){0};
}

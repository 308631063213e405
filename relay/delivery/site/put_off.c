#include "relay/delivery/site/put_off.h"

#include <stddef.h>
#include <stdlib.h>

struct entry {
  int64_t recipient_id, first_us; /* id 0: free */
};

struct put_off {
  struct entry sets[PUT_OFF_SETS][PUT_OFF_WAYS];
};

struct put_off *put_off_new(void) {
  return calloc(1, sizeof(struct put_off));
}

void put_off_free(struct put_off **p) {
  free(*p);
  *p = NULL;
}

/* Fibonacci hashing: ids are times, which follow each other. */
static size_t set_of(int64_t id) {
  return (size_t)(((uint64_t)id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % PUT_OFF_SETS;
}

static const struct entry *find(const struct put_off *p, int64_t id) {
  const struct entry *set = p->sets[set_of(id)];
  for (size_t i = 0; i < PUT_OFF_WAYS; i++)
    if (set[i].recipient_id == id) return &set[i];
  return NULL;
}

/* A free one, which has the time 0, or the oldest. */
static struct entry *make_room(struct put_off *p, int64_t id) {
  struct entry *set = p->sets[set_of(id)], *oldest = set;
  for (size_t i = 1; i < PUT_OFF_WAYS; i++)
    if (set[i].first_us < oldest->first_us) oldest = &set[i];
  return oldest;
}

int64_t put_off_note(struct put_off *p, int64_t recipient_id, int64_t now_us) {
  const struct entry *known = find(p, recipient_id);
  if (known) return known->first_us;
  *make_room(p, recipient_id) = (struct entry){recipient_id, now_us};
  return now_us;
}

int64_t put_off_find(const struct put_off *p, int64_t recipient_id) {
  const struct entry *e = find(p, recipient_id);
  return e ? e->first_us : 0;
}

void put_off_forget(struct put_off *p, int64_t recipient_id) {
  struct entry *e = (struct entry *)find(p, recipient_id);
  if (e) *e = (struct entry){0};
}

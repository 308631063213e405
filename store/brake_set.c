#include "store/brake_set.h"

#include "base/result.h"

#include <stdlib.h>

#define SLOTS_LEAST ((size_t)64)

void brake_set_free(struct brake_set *s) {
  free(s->prints);
  free(s->days);
  *s = (struct brake_set){0};
}

/* Where it is, or would go: open addressing, linear probing. The fingerprints are a keyed hash: their bits are even. */
static size_t slot_of(const struct brake_set *s, uint32_t print) {
  size_t mask = s->slots - 1, i = print & mask;
  while (s->prints[i] && s->prints[i] != print) i = (i + 1) & mask;
  return i;
}

static int grow(struct brake_set *s) {
  struct brake_set larger = {.slots = s->slots ? 2 * s->slots : SLOTS_LEAST, .count = s->count};
  larger.prints = calloc(larger.slots, sizeof *larger.prints);
  larger.days = calloc(larger.slots, sizeof *larger.days);
  if (!larger.prints || !larger.days) {
    brake_set_free(&larger);
    return E_MEMORY;
  }
  for (size_t i = 0; i < s->slots; i++) {
    if (!s->prints[i]) continue;
    size_t at = slot_of(&larger, s->prints[i]);
    larger.prints[at] = s->prints[i];
    larger.days[at] = s->days[i];
  }
  brake_set_free(s);
  *s = larger;
  return OK;
}

int brake_set_put(struct brake_set *s, uint32_t print, int64_t day) {
  if (s->count >= s->slots / 4 * 3 && grow(s) != OK) return E_MEMORY;
  size_t i = slot_of(s, print);
  if (!s->prints[i]) s->count++;
  s->prints[i] = print;
  s->days[i] = (uint16_t)day;
  return OK;
}

bool brake_set_find(const struct brake_set *s, uint32_t print, int64_t today, int64_t *age) {
  if (!s->slots) return false;
  size_t i = slot_of(s, print);
  if (!s->prints[i]) return false;
  *age = (uint16_t)((uint16_t)today - s->days[i]);
  return true;
}

size_t brake_set_octets(const struct brake_set *s) {
  return s->slots * (sizeof *s->prints + sizeof *s->days);
}

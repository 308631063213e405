#include "base/id.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

#include <stdatomic.h>
#include <string.h>

#define NODE_BITS 10
#define SEQUENCE_BITS 11
#define EPOCH_MS INT64_C(1704067200000) /* 2024-01-01 UTC */
#define MS_MAX ((INT64_C(1) << 42) - 1)

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static atomic_uint node;
static _Atomic int64_t last; /* milliseconds and sequence of the latest id, without the node */

void id_set_node(unsigned n) {
  atomic_store(&node, n & ((1u << NODE_BITS) - 1));
}

static int64_t milliseconds(int64_t wall_us) {
  int64_t ms = wall_us / 1000 - EPOCH_MS;
  return ms < 0 ? 0 : ms > MS_MAX ? MS_MAX : ms;
}

/* A clock that goes back, or more than 2048 ids in a millisecond, borrow from the future: order matters more than the
 * exact time. */
int64_t id_new(void) {
  int64_t now = milliseconds(clock_now_us()) << SEQUENCE_BITS;
  int64_t before = atomic_load(&last), next;
  do next = now > before ? now : before + 1;
  while (!atomic_compare_exchange_weak(&last, &before, next));
  int64_t ms = next >> SEQUENCE_BITS, sequence = next & ((1 << SEQUENCE_BITS) - 1);
  return ms << (NODE_BITS + SEQUENCE_BITS) | (int64_t)atomic_load(&node) << SEQUENCE_BITS | sequence;
}

int64_t id_floor(int64_t wall_us) {
  return milliseconds(wall_us) << (NODE_BITS + SEQUENCE_BITS);
}
int64_t id_time_us(int64_t id) {
  return ((id >> (NODE_BITS + SEQUENCE_BITS)) + EPOCH_MS) * 1000;
}

void id_format(int64_t id, char out[ID_TEXT]) {
  char digits[ID_TEXT];
  size_t n = 0;
  uint64_t rest = (uint64_t)id;
  do {
    digits[n++] = alphabet[rest & 31];
    rest >>= 5;
  } while (rest);
  for (size_t i = 0; i < n; i++) out[i] = digits[n - 1 - i];
  out[n] = '\0';
}

static int value_of(char c) {
  if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
  if (c == 'O') c = '0';
  if (c == 'I' || c == 'L') c = '1';
  const char *at = c ? strchr(alphabet, c) : NULL;
  return at ? (int)(at - alphabet) : -1;
}

int id_parse(const char *text, int64_t *out) {
  uint64_t value = 0;
  if (!*text) return E_SYNTAX;
  for (; *text; text++) {
    int digit = value_of(*text);
    if (digit < 0 || value > (uint64_t)INT64_MAX >> 5) return E_SYNTAX;
    value = value << 5 | (uint64_t)digit;
  }
  *out = (int64_t)value;
  return OK;
}

void ref_new(char out[REF_LENGTH + 1]) {
  unsigned char random[REF_LENGTH];
  random_bytes(random, sizeof random);
  for (size_t i = 0; i < REF_LENGTH; i++) out[i] = alphabet[random[i] & 31];
  out[REF_LENGTH] = '\0';
}

void ref_of(const char *text, char out[REF_LENGTH + 1]) {
  uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
  for (const char *c = text; *c; c++) h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
  h ^= h >> 32;
  for (size_t i = 0; i < REF_LENGTH; i++, h >>= 5) out[i] = alphabet[h & 31];
  out[REF_LENGTH] = '\0';
}

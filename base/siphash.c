#include "base/siphash.h"

struct state {
  uint64_t a, b, c, d;
};

/* Little-endian, whatever the machine is. */
static uint64_t read_word(const unsigned char *at, size_t len) {
  uint64_t word = 0;
  for (size_t i = 0; i < len; i++) word |= (uint64_t)at[i] << (8 * i);
  return word;
}

static uint64_t rotate(uint64_t x, unsigned by) {
  return x << by | x >> (64 - by);
}

static void rounds(struct state *s, int count) {
  while (count--) {
    s->a += s->b;
    s->b = rotate(s->b, 13) ^ s->a;
    s->a = rotate(s->a, 32);
    s->c += s->d;
    s->d = rotate(s->d, 16) ^ s->c;
    s->a += s->d;
    s->d = rotate(s->d, 21) ^ s->a;
    s->c += s->b;
    s->b = rotate(s->b, 17) ^ s->c;
    s->c = rotate(s->c, 32);
  }
}

static void take_word(struct state *s, uint64_t word) {
  s->d ^= word;
  rounds(s, 2);
  s->a ^= word;
}

uint64_t siphash(const struct siphash_key *key, struct bytes text) {
  uint64_t low = read_word(key->octets, 8), high = read_word(key->octets + 8, 8);
  struct state s = {low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d, low ^ 0x6c7967656e657261,
                    high ^ 0x7465646279746573};
  const unsigned char *at = (const unsigned char *)text.at;
  size_t i = 0;
  for (; text.len - i >= 8; i += 8) take_word(&s, read_word(at + i, 8));
  take_word(&s, (uint64_t)text.len << 56 | (text.len > i ? read_word(at + i, text.len - i) : 0));
  s.c ^= 0xff;
  rounds(&s, 4);
  return s.a ^ s.b ^ s.c ^ s.d;
}

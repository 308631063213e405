/* What the fuzz targets share: a check that stays in every build, and the choices that an input makes about itself
 * before it is input. An input that is too short for its choices has zeros for the rest. */
#ifndef SENDOFF_TESTS_FUZZ_H
#define SENDOFF_TESTS_FUZZ_H

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 0 always: libFuzzer's other answers are not used. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(claim)                                                                                                   \
  do {                                                                                                                 \
    if (!(claim)) {                                                                                                    \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #claim);                                       \
      abort();                                                                                                         \
    }                                                                                                                  \
  } while (0)

static inline unsigned take_octet(struct bytes *in) {
  unsigned c = in->len ? (unsigned char)in->at[0] : 0;
  *in = bytes_from(*in, 1);
  return c;
}

/* One octet says how many follow, and those are taken. */
static inline struct bytes take_list(struct bytes *in) {
  size_t n = take_octet(in) % 16;
  struct bytes list = {in->at, n < in->len ? n : in->len};
  *in = bytes_from(*in, n);
  return list;
}

/* A copy in memory of exactly its size, so that ASan sees a read past its end; `hold` is freed by the caller. */
static inline struct bytes exact(struct bytes text, char **hold) {
  *hold = malloc(text.len ? text.len : 1);
  CHECK(*hold);
  if (text.len) memcpy(*hold, text.at, text.len);
  return (struct bytes){*hold, text.len};
}

/* Cuts a text into pieces whose sizes a list says, over and over; without a list it stays whole. Each piece is an exact
 * copy that lasts until the next, so that ASan sees a view that was kept. */
struct cutter {
  struct bytes sizes, rest;
  size_t next;
  char *hold;
};

static inline bool cut(struct cutter *c, struct bytes *piece) {
  free(c->hold);
  c->hold = NULL;
  if (!c->rest.len) return false;
  size_t n = c->sizes.len ? (unsigned char)c->sizes.at[c->next++ % c->sizes.len] + 1u : c->rest.len;
  if (n > c->rest.len) n = c->rest.len;
  *piece = exact((struct bytes){c->rest.at, n}, &c->hold);
  c->rest = bytes_from(c->rest, n);
  return true;
}

#endif

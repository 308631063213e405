#include "relay/message/content.h"

#include <stdatomic.h>
#include <stdlib.h>

struct counted {
  struct content content; /* first: callers hold a pointer to it */
  atomic_int references;
};

static atomic_size_t octets_held;

static size_t octets_of(const struct content *c) {
  return c->prefix.len + c->body.len;
}

struct content *content_new(struct buffer *prefix, struct buffer *body) {
  struct counted *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->content.prefix = *prefix;
  c->content.body = *body;
  buffer_init(prefix, prefix->max);
  buffer_init(body, body->max);
  atomic_init(&c->references, 1);
  atomic_fetch_add(&octets_held, octets_of(&c->content));
  return &c->content;
}

struct content *content_hold(struct content *c) {
  atomic_fetch_add(&((struct counted *)c)->references, 1);
  return c;
}

void content_release(struct content **c) {
  if (!*c) return;
  struct counted *held = (struct counted *)*c;
  *c = NULL;
  if (atomic_fetch_sub(&held->references, 1) != 1) return;
  atomic_fetch_sub(&octets_held, octets_of(&held->content));
  buffer_free(&held->content.prefix);
  buffer_free(&held->content.body);
  free(held);
}

size_t content_octets_held(void) {
  return atomic_load(&octets_held);
}

#include "relay/net/broadcast.h"

#include <stdlib.h>

struct broadcast_token {
  struct loop_message message; /* first: on its way out, and on its way back */
  struct broadcast *of;
};

struct broadcast {
  struct loop *home;
  void (*each)(struct loop *on, struct broadcast_token *t);
  void (*done)(void *arg);
  void *arg;
  size_t pending;
  struct broadcast_token tokens[];
};

static void on_loop(struct loop *on, struct loop_message *m) {
  struct broadcast_token *t = (struct broadcast_token *)m;
  t->of->each(on, t);
}

static void back_home(struct loop *on, struct loop_message *m) {
  (void)on;
  struct broadcast *b = ((struct broadcast_token *)m)->of;
  if (--b->pending) return;
  b->done(b->arg);
  free(b);
}

int broadcast(struct loop *home, void (*each)(struct loop *on, struct broadcast_token *t), void (*done)(void *arg),
              void *arg) {
  struct gateway *g = home->gateway;
  struct broadcast *b = calloc(1, sizeof *b + g->loop_count * sizeof b->tokens[0]);
  if (!b) return E_MEMORY;
  *b = (struct broadcast){.home = home, .each = each, .done = done, .arg = arg, .pending = g->loop_count};
  for (size_t i = 0; i < g->loop_count; i++) {
    b->tokens[i] = (struct broadcast_token){.message.run = on_loop, .of = b};
    loop_post(g->loops[i], &b->tokens[i].message);
  }
  return OK;
}

void *broadcast_arg(const struct broadcast_token *t) {
  return t->of->arg;
}

void broadcast_return(struct broadcast_token *t) {
  t->message.run = back_home;
  loop_post(t->of->home, &t->message);
}

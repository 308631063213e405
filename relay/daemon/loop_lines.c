#include "relay/daemon/loop_lines.h"

#include "relay/net/broadcast.h"

#include <stdlib.h>

struct gathering {
  struct loop *supervisor;
  struct control_request *request;
  loop_lines_read *read;
  const void *arg;
  size_t most;
  struct loop_lines loops[]; /* one each: no loop writes where another does */
};

static void read_loop(struct loop *on, struct broadcast_token *t) {
  struct gathering *g = broadcast_arg(t);
  g->read(on, g->arg, &g->loops[on->index]);
  broadcast_return(t);
}

/* One text of all; NUL-terminated. */
static int join(struct gathering *g, size_t loops, struct buffer *all) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < loops; i++) {
    rc = g->loops[i].result;
    if (rc == OK) rc = buffer_add_bytes(all, buffer_bytes(&g->loops[i].text));
  }
  return rc == OK ? buffer_add(all, "", 1) : rc;
}

static void every_loop_read(void *arg) {
  struct gathering *g = arg;
  size_t loops = g->supervisor->gateway->loop_count;
  struct buffer all;
  buffer_init(&all, g->most);
  control_answer(g->request, join(g, loops, &all) == OK ? all.at : "error: out of memory");
  buffer_free(&all);
  for (size_t i = 0; i < loops; i++) buffer_free(&g->loops[i].text);
  free(g);
}

void loop_lines_ask(struct loop *supervisor, struct control_request *r, loop_lines_read *read, const void *arg,
                    size_t most) {
  size_t loops = supervisor->gateway->loop_count;
  struct gathering *g = calloc(1, sizeof *g + loops * sizeof g->loops[0]);
  if (g) {
    g->supervisor = supervisor;
    g->request = r;
    g->read = read;
    g->arg = arg;
    g->most = most;
    for (size_t i = 0; i < loops; i++) buffer_init(&g->loops[i].text, most);
    if (broadcast(supervisor, read_loop, every_loop_read, g) == OK) return;
  }
  free(g);
  control_answer(r, "error: out of memory");
}

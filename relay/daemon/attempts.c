#include "relay/daemon/attempts.h"

#include "relay/delivery/delivery.h"
#include "relay/net/broadcast.h"

#include <inttypes.h>
#include <stdlib.h>

struct gathering {
  struct loop *supervisor;
  struct control_request *request;
  struct loop_report { /* one each: no loop writes where another does */
    struct buffer lines;
    int result;
  } loops[];
};

static void add_line(void *arg, const struct delivery_attempt *a) {
  struct loop_report *r = arg;
  if (r->result == OK)
    r->result = buffer_addf(&r->lines, "%" PRId64 " %" PRId64 " %s %s %" PRId64 "\n", a->recipient_id, a->since_us,
                            a->stage, a->host && *a->host ? a->host : "-", a->until_us);
}

static void read_loop(struct loop *on, struct broadcast_token *t) {
  struct gathering *g = broadcast_arg(t);
  delivery_attempts(on, add_line, &g->loops[on->index]);
  broadcast_return(t);
}

/* One text of all; NUL-terminated. */
static int join(struct gathering *g, size_t loops, struct buffer *all) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < loops; i++) {
    rc = g->loops[i].result;
    if (rc == OK) rc = buffer_add_bytes(all, buffer_bytes(&g->loops[i].lines));
  }
  return rc == OK ? buffer_add(all, "", 1) : rc;
}

static void every_loop_read(void *arg) {
  struct gathering *g = arg;
  size_t loops = g->supervisor->gateway->loop_count;
  struct buffer all;
  buffer_init(&all, ATTEMPTS_ANSWER_MAX);
  control_answer(g->request, join(g, loops, &all) == OK ? all.at : "error: out of memory");
  buffer_free(&all);
  for (size_t i = 0; i < loops; i++) buffer_free(&g->loops[i].lines);
  free(g);
}

void attempts_ask(struct loop *supervisor, struct control_request *r) {
  size_t loops = supervisor->gateway->loop_count;
  struct gathering *g = calloc(1, sizeof *g + loops * sizeof g->loops[0]);
  if (g) {
    g->supervisor = supervisor;
    g->request = r;
    for (size_t i = 0; i < loops; i++) buffer_init(&g->loops[i].lines, ATTEMPTS_ANSWER_MAX);
    if (broadcast(supervisor, read_loop, every_loop_read, g) == OK) return;
  }
  free(g);
  control_answer(r, "error: out of memory");
}

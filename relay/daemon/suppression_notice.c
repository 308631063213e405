#include "relay/daemon/suppression_notice.h"

#include "base/log.h"
#include "store/write.h"

#include <stdlib.h>

struct running {
  struct store_suppression_notice op; /* first */
  struct suppression_notice *all;
  struct loop *on;
  struct broadcast_token *token;
};

static void end(struct running *r, int rc, const char *why) {
  struct broadcast_token *token = r->token;
  if (rc != OK) log_event(LOG_WARN_, NULL, "suppression list not read", "reason", why, NULL);
  atomic_store(&r->all->failed, rc != OK);
  free(r);
  broadcast_return(token);
}

static void on_piece(struct store_op *op) {
  struct running *r = (struct running *)op;
  if (op->result == OK && r->op.more && !r->all->stopped)
    loop_store_post(r->on, op, on_piece);
  else
    end(r, op->result, op->why.text[0] ? op->why.text : result_text(op->result));
}

void suppression_notice_run(struct suppression_notice *n, struct loop *on, struct broadcast_token *t) {
  struct running *r = n->stopped ? NULL : calloc(1, sizeof *r);
  if (!r) {
    atomic_store(&n->failed, true);
    broadcast_return(t);
    return;
  }
  *r = (struct running){.all = n, .on = on, .token = t};
  store_suppression_notice_init(&r->op);
  loop_store_post(on, &r->op.op, on_piece);
}

void suppression_notice_stop(struct suppression_notice *n) {
  n->stopped = true;
}

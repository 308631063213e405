/* What sources that warm up have used, on its way into the store; and what waits for them there. */
#include "base/log.h"
#include "relay/delivery/route/warmup_parts.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end_post(struct warmup_watch *w) {
  if (--w->posted) return;
  if (w->freed)
    warmup_watch_forget(w);
  else if (w->stopped)
    w->owner.idle(w->owner.arg);
}

struct kept {
  struct store_warmup_note op; /* first */
  struct warmup_watch *watch;
  int64_t id;
  char source[IP_TEXT], *provider;
};

static void on_kept(struct store_op *op) {
  struct kept *k = (struct kept *)op;
  struct warmup_watch *w = k->watch;
  struct entry *e = op->result != OK && !w->freed ? warmup_table_entry_with(w, k->id) : NULL;
  if (op->result != OK)
    log_event(LOG_WARN_, NULL, "warm-up not kept", "source", k->source, "reason",
              *op->why.text ? op->why.text : result_text(op->result), NULL);
  if (e) e->changed = true; /* with the next ones */
  free(k->provider);
  free(k);
  end_post(w);
}

static void post(struct warmup_watch *w, struct entry *e) {
  struct kept *k = calloc(1, sizeof *k);
  if (k && !(k->provider = strdup(e->provider))) {
    free(k);
    k = NULL;
  }
  if (!k) return; /* the next time */
  store_warmup_note_init(&k->op);
  k->watch = w;
  k->id = e->id;
  snprintf(k->source, sizeof k->source, "%s", e->source->address);
  k->op.note = (struct warmup_note){
      .source = k->source, .provider = k->provider, .since_us = e->source->since_us, .state = e->state};
  e->changed = false;
  w->posted++;
  loop_store_post(w->loop, &k->op.op, on_kept);
}

void warmup_store_keep(struct warmup_watch *w) {
  for (struct entry *e = w->entries; e; e = e->hh.next)
    if (e->changed) post(w, e);
}

struct release {
  struct store_warmup_release op; /* first */
  struct warmup_watch *watch;
};

static void on_released(struct store_op *op) {
  struct release *r = (struct release *)op;
  struct warmup_watch *w = r->watch;
  if (op->result != OK || r->op.released == WARMUP_RELEASE_PART) w->releasing = true; /* there are more */
  if (r->op.released && !w->stopped) w->owner.released(w->owner.arg);
  free(r);
  end_post(w);
}

void warmup_store_release(struct warmup_watch *w) {
  struct release *r = w->releasing ? calloc(1, sizeof *r) : NULL;
  if (!r) return; /* it does not, or at the next tick */
  w->releasing = false;
  store_warmup_release_init(&r->op);
  r->watch = w;
  w->posted++;
  loop_store_post(w->loop, &r->op.op, on_released);
}

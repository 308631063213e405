#include "relay/delivery/site/turns.h"

#include <stddef.h>
#include <utlist.h>

void turns_add(struct turns *all, struct turn *t) {
  DL_APPEND(all->rings[t->stream], t);
}

void turns_remove(struct turns *all, struct turn *t) {
  DL_DELETE(all->rings[t->stream], t);
}

static enum mail_stream stream_next(const struct turns *all) {
  if (!all->rings[STREAM_BULK]) return STREAM_TRANSACTIONAL;
  return all->rings[STREAM_TRANSACTIONAL] && all->bulk_due < TURNS_BULK - 1 ? STREAM_TRANSACTIONAL : STREAM_BULK;
}

static void rotate(struct turn **ring) {
  struct turn *first = *ring;
  DL_DELETE(*ring, first);
  DL_APPEND(*ring, first);
}

/* Each step pays for a recipient that was sent to, so there are no more steps than recipients. */
struct turn *turns_next(struct turns *all) {
  struct turn **ring = &all->rings[stream_next(all)];
  if (!*ring) return NULL;
  if (!(*ring)->next) (*ring)->credit = 1; /* alone: nobody to give way to */
  while ((*ring)->credit <= 0) {
    if (++(*ring)->credit > 0) break;
    rotate(ring);
  }
  return *ring;
}

void turns_pay(struct turns *all, struct turn *t, int64_t recipients) {
  t->credit -= recipients;
  if (t->stream == STREAM_BULK)
    all->bulk_due = 0;
  else if (all->rings[STREAM_BULK])
    all->bulk_due++;
  if (t->credit <= 0) rotate(&all->rings[t->stream]);
}

void turns_refund(struct turns *all, struct turn *t, int64_t recipients) {
  t->credit += recipients;
  DL_DELETE(all->rings[t->stream], t);
  DL_PREPEND(all->rings[t->stream], t);
}

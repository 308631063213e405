#include "relay/delivery/site/idle.h"

#include <utlist.h>

void idle_begins(struct connection *c) {
  struct delivery *d = c->destination->delivery;
  idle_ends(c);
  DL_APPEND2(d->idle, c, idle_prev, idle_next);
  c->idle = true;
  idle_give_way(d);
}

void idle_ends(struct connection *c) {
  if (!c->idle) return;
  DL_DELETE2(c->destination->delivery->idle, c, idle_prev, idle_next);
  c->idle = false;
}

/* One whose site's pace lets its mail wait for a moment is in use. */
static bool may_give_way(const struct connection *c, unsigned wanted) {
  return wanted & 1u << c->class && !c->destination->queue.count && connection_can_work(c);
}

void idle_give_way(struct delivery *d) {
  const struct shares *s = &d->shares;
  struct connection *c, *next;
  unsigned wanted = d->idle && d->giving_way < s->waiting ? shares_wanted(s) : 0;
  for (c = wanted ? d->idle : NULL; c && d->giving_way < s->waiting; c = next) {
    next = c->idle_next;
    if (!may_give_way(c, wanted)) continue;
    c->gives_way = true;
    d->giving_way++;
    d->gave_way++;
    connection_stop(c);
  }
}

void idle_gave_way(struct connection *c) {
  if (c->gives_way) c->destination->delivery->giving_way--;
  c->gives_way = false;
}

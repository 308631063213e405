#include "relay/delivery/outcome/regard.h"

#include "relay/delivery/outcome/bounce.h"

/* RFC 5321 4.5.4.1: the host may have the message, though it did not say so. */
static bool may_be_taken(const struct incident *i) {
  bool silent = i->trouble == TROUBLE_CLOSED || i->trouble == TROUBLE_NETWORK || i->trouble == TROUBLE_TIMEOUT;
  return silent && i->stage == STAGE_DOT;
}

static enum regard of_reply(const struct incident *i, const struct ruling *r) {
  if (i->stage < STAGE_IDLE) return i->stage <= STAGE_EHLO ? REGARD_TURNED_AWAY : REGARD_NONE;
  if (i->of_source || bounce_blames_sender(i, r)) return REGARD_AGAINST;
  return i->reply.code / 100 == 5 ? REGARD_ANSWERED : REGARD_NONE; /* what is put off comes again, and counts then */
}

enum regard regard_of(const struct incident *i, const struct ruling *r) {
  if (i->played) return REGARD_NONE;
  if (r->kind == EVENT_DELIVERED) return REGARD_ANSWERED;
  if (i->trouble == TROUBLE_REPLY) return of_reply(i, r);
  return may_be_taken(i) ? REGARD_ANSWERED : REGARD_NONE;
}

void regard_count(enum regard regard, struct warmup_tally *to) {
  bool answered = regard == REGARD_ANSWERED || regard == REGARD_AGAINST;
  to->used += answered;
  to->attempts += answered;
  to->against += regard == REGARD_AGAINST;
  to->turned_away |= regard == REGARD_TURNED_AWAY;
}

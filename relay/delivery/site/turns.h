/* Whose turn it is: lanes in two rings, by deficit round robin (Shreedhar and Varghese, 1995). A message costs its lane
 * as many turns as it has recipients, so that 100,000 messages of one account delay another's by one turn.
 * Transactional lanes go before bulk ones, which get every TURNS_BULK-th turn at least. Plain data, and no memory of
 * its own. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_TURNS_H
#define SENDOFF_RELAY_DELIVERY_SITE_TURNS_H

#include "base/directory/mail_stream.h"

#include <stdint.h>

#define TURNS_BULK 5

/* What has mail waiting; its owner embeds it. */
struct turn {
  enum mail_stream stream;
  int64_t credit; /* recipients that it may still send in its turn; below 0: turns that it owes */
  struct turn *next, *prev;
};

struct turns {                      /* zeroed: none */
  struct turn *rings[STREAM_COUNT]; /* the first has its turn */
  unsigned bulk_due;                /* turns that bulk has let pass */
};

void turns_add(struct turns *all, struct turn *t); /* behind the others of its stream */
void turns_remove(struct turns *all, struct turn *t);
/* The one whose turn it is; NULL: there is none. */
struct turn *turns_next(struct turns *all);
/* It has sent to `recipients`: the next one is to have a turn. */
void turns_pay(struct turns *all, struct turn *t, int64_t recipients);
/* What it paid for was not sent: it is the next of its stream again. */
void turns_refund(struct turns *all, struct turn *t, int64_t recipients);

#endif

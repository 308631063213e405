/* Noticing what the command line has added to the suppression lists: the store is asked to, a piece at a time, from one
 * loop, so that the piece of mail behind it waits for no more than one. That loop's thread. */
#ifndef SENDOFF_RELAY_DAEMON_SUPPRESSION_NOTICE_H
#define SENDOFF_RELAY_DAEMON_SUPPRESSION_NOTICE_H

#include "relay/net/broadcast.h"

#include <stdatomic.h>

struct suppression_notice {
  bool stopped;       /* nothing is posted any more */
  atomic_bool failed; /* the last time; any thread */
};

/* Returns the token when all has been noticed, or could not be. */
void suppression_notice_run(struct suppression_notice *n, struct loop *on, struct broadcast_token *t);
/* From here on, nothing is posted to the store. */
void suppression_notice_stop(struct suppression_notice *n);

#endif

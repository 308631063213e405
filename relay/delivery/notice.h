/* The failure notice that goes with an outcome: decides whether there is one, builds and signs it, and turns it into
 * the store's new message and the dispatcher's job. One loop's thread. */
#ifndef SENDOFF_RELAY_NOTICE_H
#define SENDOFF_RELAY_NOTICE_H

#include "base/address.h"
#include "relay/delivery/dispatch.h"
#include "relay/delivery/verdict.h"
#include "store/write.h"

struct notice {
  bool made;
  struct new_message message; /* valid while made; points into the rest */
  struct event accepted;
  /* private */
  struct new_recipient recipient;
  char domain[DOMAIN_MAX + 3], text[80];
  struct buffer prefix, body;
};

/* RFC 5321 4.5.5, RFC 3464 2: no notice about a notice, none to the null reverse-path, none without a failure. */
bool notice_wanted(const struct job *j, const struct ruling *rulings);
/* `content` is the original, at least its header; NULL when that cannot be read. OK with n->made false when the
 * reverse-path cannot be written to (logged); E_MEMORY, E_TOO_BIG. */
int notice_make(struct loop *loop, const struct job *j, const struct ruling *rulings, const char *host,
                const struct content *content, struct notice *n);
/* After the commit: the job that delivers it, with its content; NULL without memory (the queue reader finds it). */
struct job *notice_job(struct notice *n);
void notice_free(struct notice *n);

#endif

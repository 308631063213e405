/* The notice that goes with an outcome: decides whether there is one, builds and signs it, and turns it into the
 * store's new message and a job for the queue. One loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_NOTICE_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_NOTICE_H

#include "base/address/address.h"
#include "relay/delivery/delivery.h"
#include "relay/delivery/job.h"
#include "relay/delivery/outcome/notify.h"
#include "relay/delivery/outcome/verdict.h"
#include "relay/message/content_loader.h"
#include "store/write.h"

struct notice {
  bool made;
  struct new_message message; /* valid while made; points into the rest */
  struct event accepted;
  /* private */
  struct recipient recipient;
  char domain[DOMAIN_MAX + 3], to[ADDRESS_MAX + DOMAIN_MAX], text[80];
  bool utf8, whole;
  struct buffer prefix, body;
};

/* What the sender is to be notified of now, for each of the job's recipients, given its ruling: as many `actions`. */
void notice_plan(const struct config *config, const struct job *j, const struct ruling *rulings, int64_t now_us,
                 enum dsn_action *actions);
bool notice_wanted(const struct job *j, const enum dsn_action *actions);
/* What of the message the notice needs. */
enum load_what notice_needs(const struct job *j, const enum dsn_action *actions);
/* When one of the recipients that waits, as the ruling says, must be taken up again at the latest. */
int64_t notice_moment(const struct config *config, const struct job *j, size_t index, const struct ruling *ruling,
                      int64_t now_us);
/* Is one due now for that recipient, if it only waits? */
bool notice_is_due(const struct config *config, const struct job *j, size_t index, int64_t now_us);
/* `content` is the original, at least what notice_needs said; NULL when that cannot be read. OK with n->made false when
 * the reverse-path cannot be written to (logged); E_MEMORY, E_TOO_BIG. */
int notice_make(struct loop *loop, const struct job *j, const struct ruling *rulings, const enum dsn_action *actions,
                const char *host, const struct content *content, struct notice *n);
/* After the commit: the job that delivers it, with its content; NULL without memory (the queue reader finds it). */
struct job *notice_job(struct notice *n);
void notice_free(struct notice *n);

#endif

/* Which notice the sender gets about a recipient's outcome: RFC 3461 5.2, RFC 2852 4.1. Pure; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_NOTIFY_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_NOTIFY_H

#include "base/mail/envelope.h"
#include "base/mail/event.h"

#include <stdbool.h>

/* RFC 3464 2.3.3; "delivered" and "expanded" are for those who have mailboxes. */
enum dsn_action { DSN_NONE, DSN_RELAYED, DSN_DELAYED, DSN_FAILED };

struct notify_case {
  unsigned message, recipient;     /* enum message_flag, enum notify_flag */
  enum event_kind kind;            /* DELIVERED, DEFERRED, BOUNCED, EXPIRED */
  bool host_dsn, host_deliver_by;  /* DELIVERED: the host that took it offers DSN, DELIVERBY */
  int64_t since_us, deliver_by_us; /* when it could first be sent; 0: no deadline */
  int64_t delay_notice_us;         /* how long it may wait before a sender who asked for it gets a notice; 0: never */
  int64_t now_us;
};
/* The notice for one recipient now, of a message whose sender can get one. */
enum dsn_action notify_action(const struct notify_case *c);
/* The deadline that its sender set has passed (RFC 2852). */
bool notify_overdue(const struct notify_case *c);
/* The next moment, after now, at which a recipient that waits must be taken up because a notice is due,
 * or because its time is over. INT64_MAX: none. */
int64_t notify_moment(const struct notify_case *c);

#endif

/* The parameters of MAIL and RCPT, as the extensions define them. Pure: no session, no I/O; any thread. */
#ifndef SENDOFF_RELAY_SMTP_PARAMETERS_H
#define SENDOFF_RELAY_SMTP_PARAMETERS_H

#include "base/bytes.h"
#include "base/mail/refusal.h"

#include <stdint.h>

#define ENVID_MAX 100 /* RFC 3461 4.4 */
#define ORCPT_MAX 500 /* RFC 3461 4.2 */
#define BY_SECONDS_MAX 999999999

enum body_type { BODY_7BIT, BODY_8BITMIME, BODY_BINARYMIME };

/* What decides what may be said. */
struct parameter_rules {
  unsigned offered; /* enum extension: the parameters of others are unknown */
  uint64_t max_message_size;
  int64_t now_us, max_hold_us;
};

struct mail_parameters {
  uint64_t size; /* RFC 1870; 0: not said */
  enum body_type body;
  bool utf8;                            /* RFC 6531 */
  unsigned flags;                       /* enum message_flag: RET, REQUIRETLS, BY */
  struct bytes envid;                   /* a view into the line; empty: none */
  int64_t deliver_by_us, hold_until_us; /* 0: not said */
  int priority;
};

struct rcpt_parameters {
  unsigned notify;    /* enum notify_flag */
  struct bytes orcpt; /* a view into the line; empty: none */
};

/* `rest` from offset `at` on, behind the path. OK or E_DENIED with `why`. */
int mail_parameters_read(struct bytes rest, size_t at, const struct parameter_rules *rules, struct mail_parameters *out,
                         struct refusal *why);
/* `utf8`: MAIL said SMTPUTF8. */
int rcpt_parameters_read(struct bytes rest, size_t at, const struct parameter_rules *rules, bool utf8,
                         struct rcpt_parameters *out, struct refusal *why);

#endif

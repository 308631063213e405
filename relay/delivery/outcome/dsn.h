/* Delivery status notifications (RFC 3464, RFC 3461 6; RFC 6533 for addresses beyond ASCII) as multipart/report
 * (RFC 6522). Pure; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_DSN_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_DSN_H

#include "base/bytes.h"
#include "relay/delivery/outcome/notify.h"
#include "relay/delivery/outcome/verdict.h"

#define DSN_MAX                                                                                                        \
  (5 * 1024 * 1024) /* octets of a whole notice: more than LOAD_HEADER_MAX or LOAD_WHOLE_MAX can come to */

struct dsn_recipient {
  const struct recipient *to;
  const struct ruling *ruling;
  enum dsn_action action; /* not DSN_NONE */
  bool overdue;           /* the time that the sender set has passed */
};
struct dsn_input {
  const char *hostname; /* ours: Reporting-MTA, From, Message-ID */
  const char *to;       /* whose mail it was, as the To field is to show it */
  const char *host;     /* the next hop "mx.example.net[192.0.2.1]:25"; NULL or "" when there was none */
  const char *envid;    /* as it came; NULL or "": none */
  int64_t id;           /* of the notice */
  int64_t message_id, arrived_us, expires_us, deliver_by_us, now_us;
  const struct dsn_recipient *recipients;
  size_t recipient_count;
  struct bytes header;                 /* the original message's, see dsn_header */
  struct bytes whole_head, whole_rest; /* the original in two parts, when it is to be sent back whole; else empty */
  bool original_utf8;                  /* its header is in UTF-8 (RFC 6532) */
  bool utf8;                           /* the notice goes with SMTPUTF8 */
};
/* Appends the notice, CRLF lines. 7-bit, but for all of it with `utf8`, and for the original's own octets when it is
 * sent back whole. OK, E_MEMORY, E_TOO_BIG. */
int dsn_build(const struct dsn_input *in, struct buffer *out);
/* The strongest action among them. */
enum dsn_action dsn_strongest(const struct dsn_recipient *recipients, size_t count);
/* The header of a message that is kept as prefix and body, without its empty line, at most LOAD_HEADER_MAX octets, cut
 * at the end of a line; appended to `out`. */
int dsn_header(struct bytes prefix, struct bytes body, struct buffer *out);

#endif

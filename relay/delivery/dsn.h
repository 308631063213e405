/* Failure notices: delivery status notifications (RFC 3464) as multipart/report (RFC 6522). Pure; any thread. */
#ifndef SENDOFF_RELAY_DSN_H
#define SENDOFF_RELAY_DSN_H

#include "base/bytes.h"
#include "relay/delivery/verdict.h"

#define DSN_MAX (1024 * 1024)      /* octets of a whole notice */
#define DSN_HEADER_MAX (64 * 1024) /* of the original header that is sent back */

struct dsn_recipient {
  const char *address;
  const struct ruling *ruling; /* BOUNCED or EXPIRED */
};
struct dsn_input {
  const char *hostname; /* ours: Reporting-MTA, From, Message-ID */
  const char *reverse_path;
  const char *host; /* the next hop "mx.example.net[192.0.2.1]:25"; NULL or "" when there was none */
  int64_t id;       /* of the notice */
  int64_t message_id, arrived_us, now_us;
  const struct dsn_recipient *recipients;
  size_t recipient_count;
  struct bytes header; /* the original message's, see dsn_header */
};
/* Appends the notice, CRLF lines, 7-bit but for a To that needs UTF-8. OK, E_MEMORY, E_TOO_BIG. */
int dsn_build(const struct dsn_input *in, struct buffer *out);
/* The header of a message that is kept as prefix and body, without its empty line, at most DSN_HEADER_MAX octets, cut
 * at the end of a line; appended to `out`. */
int dsn_header(struct bytes prefix, struct bytes body, struct buffer *out);

#endif

/* What is to be sent in one transaction, and what of it a next hop gets: the parameters of MAIL and RCPT, as far
 * as its EHLO offers them, and the reasons why it cannot go there at all. Pure; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_CLIENT_ENVELOPE_COMMANDS_H
#define SENDOFF_RELAY_DELIVERY_CLIENT_ENVELOPE_COMMANDS_H

#include "relay/delivery/job.h"
#include "relay/delivery/outcome/incident.h"
#include "relay/smtp/ehlo.h"

struct client_transaction {
  struct envelope envelope; /* its flags and size are those of the content as it is sent; text of the job's */
  const struct queued_recipient *recipients;
  size_t recipient_count;
};

/* Why the host cannot take it for any recipient: `trouble`, `enhanced` and `text` of `out` are filled in. False: it
 * can, for one of them at least. */
bool transaction_obstacle(const struct client_transaction *t, const struct ehlo *e, int64_t now_us,
                          struct incident *out);
/* The same for one recipient: its address. */
bool transaction_recipient_obstacle(const char *address, const struct ehlo *e, struct incident *out);

/* The whole command line with CRLF, appended. OK, E_MEMORY, E_TOO_BIG; E_SYNTAX for an address that one of the
 * obstacles above would have named. */
int transaction_mail(const struct client_transaction *t, const struct ehlo *e, int64_t now_us, struct buffer *out);
int transaction_rcpt(const struct client_transaction *t, size_t index, const struct ehlo *e, struct buffer *out);

#endif

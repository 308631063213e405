/* What makes a submission the same as an earlier one: the account, the reverse-path, the parameters of MAIL as they
 * came, the client's own Message-ID, the recipients in any order with what was said of each, and every octet of the
 * content as it came. An application that lost the final 250 sends the same again; it then gets the first answer, and
 * the mail is not delivered twice. The loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_IDEMPOTENCY_H
#define SENDOFF_RELAY_SUBMISSION_IDEMPOTENCY_H

#include "base/bytes.h"
#include "store/write.h"

/* A key in the making. */
struct idempotency;
struct idempotency *idempotency_new(void); /* NULL without memory */
void idempotency_free(struct idempotency **d);
void idempotency_content(struct idempotency *d, struct bytes run); /* the next octets of the content, as they come */

struct idempotency_parts {
  int64_t account_id;
  const char *reverse_path, *parameters, *message_id;
  const struct recipient *recipients;
  size_t recipient_count;
  bool sandbox; /* what was played is not the same as what is to be sent */
};
/* Once, after all content. OK or E_MEMORY. */
int idempotency_finish(struct idempotency *d, const struct idempotency_parts *parts, struct idempotency_key *out);

#endif

/* What makes a submission the same as an earlier one: the account, the reverse-path, the parameters of MAIL as they
 * were said, the client's own Message-ID, the recipients in any order with what was said of each, and every octet of
 * the content as it came. An application that lost the final 250 sends the
 * same again; it is then answered, not delivered twice. The loop's thread. */
#ifndef SENDOFF_RELAY_REPEATS_H
#define SENDOFF_RELAY_REPEATS_H

#include "base/bytes.h"
#include "store/write.h"

struct repeats;
struct repeats *repeats_new(void); /* NULL without memory */
void repeats_free(struct repeats **r);
void repeats_content(struct repeats *r, struct bytes run); /* the next octets of the content, as they come */
/* Once, after all content. OK or E_MEMORY. */
struct submission {
  int64_t account_id;
  const char *reverse_path, *parameters, *message_id;
  const struct recipient *recipients;
  size_t recipient_count;
};
int repeats_digest(struct repeats *r, const struct submission *what, struct submission_digest *out);

#endif

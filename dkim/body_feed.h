/* How a message's body reaches libopendkim when it has several signatures. Private to dkim/. Any thread. */
#ifndef SENDOFF_DKIM_BODY_FEED_H
#define SENDOFF_DKIM_BODY_FEED_H

#include "base/result.h"

enum body_feed {
  BODY_ONCE, /* to the first signature's handle, which shares its digest (body_digest.c) */
  BODY_EACH, /* to every handle: correct with any libopendkim, and slower */
};

struct signer_lib;
/* Learns, once in the process, whether signatures that share a digest come out as those that do not; if not, says so in
 * the log. After key_references_learn. An error only when signing itself fails. */
int body_feed_learn(struct signer_lib *lib, struct reason *why);
/* BODY_EACH until it is learnt. */
enum body_feed body_feed(void);
/* Signatures of one message had different digests: from now on BODY_EACH. Says so in the log, once. */
void body_feed_distrust(void);

#endif

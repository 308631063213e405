/* The digest of a message's body, shared by its signatures: noted when libopendkim takes it for the first one, given as
 * the answer when it takes it for the others. Private to dkim/. */
#ifndef SENDOFF_DKIM_BODY_DIGEST_H
#define SENDOFF_DKIM_BODY_DIGEST_H

#include <stdbool.h>

#define SHA256_OCTETS 32

struct body_digest {
  bool known;
  unsigned char octets[SHA256_OCTETS];
};

/* The next SHA256_Final on this thread is noted in `d`, those after it are not. Until body_digest_end. */
void body_digest_note(struct body_digest *d);
/* The next SHA256_Final on this thread is answered from `d`, which is known; those after it are not. */
void body_digest_answer(const struct body_digest *d);
void body_digest_end(void);

#endif

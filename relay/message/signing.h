/* Which keys sign a message, and the parsed keys, kept per loop. The signing domain follows the header From: the domain
 * itself, or its nearest configured parent (relaxed alignment, RFC 7489 3.1.1). The loop's thread only. */
#ifndef SENDOFF_RELAY_MESSAGE_SIGNING_H
#define SENDOFF_RELAY_MESSAGE_SIGNING_H

#include "base/address/address.h"
#include "dkim/signer.h"
#include "relay/message/key_ring.h"
#include "relay/net/loop.h"

struct signing;
/* Holds the ring. */
int signing_new(struct key_ring *ring, struct signing **out, struct reason *why);
void signing_free(struct signing **s);
/* The directory was replaced, and its keys with it: what the new ring has no more is dropped. */
void signing_refresh(struct signing *s, struct key_ring *ring);

/* The domain that the signature follows: of the first mailbox of a From field's value. E_SYNTAX, E_MEMORY. */
int signing_domain(struct bytes from, char domain[DOMAIN_MAX + 1]);
/* The active keys that sign mail from this domain, of that stream; *domain is d=, NULL when none is configured. Returns
 * how many, SIGNER_KEYS_MAX at most. */
size_t signing_keys(const struct directory *d, const char *from_domain, enum mail_stream stream,
                    const struct domain **domain, const struct signing_key *out[SIGNER_KEYS_MAX]);
/* A signer for mail from this domain, by the directory that goes with the ring (the loop's). OK with *out NULL when no
 * key is configured. Appends to `notes` (base/mail/event_notes.h; NULL: not wanted) who signs. An error only when a key
 * that is configured cannot be used. */
int signing_begin(struct signing *s, const struct directory *d, const char *from_domain, enum mail_stream stream,
                  struct signer **out, char *notes, size_t notes_size, struct reason *why);
/* Signs a whole message (a DSN, say) at once, appending to `prefix`. OK also without keys. */
int signing_sign_whole(struct loop *loop, const char *from_domain, struct bytes message, struct buffer *prefix);

#endif

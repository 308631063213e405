/* The primitives of a DKIM verifier of our own (RFC 6376 6.1, RFC 8463): what a receiver does with a key that is
 * published, without libopendkim and without any private key. Pure; any thread. */
#ifndef SENDOFF_DKIM_VERIFY_H
#define SENDOFF_DKIM_VERIFY_H

#include "base/bytes.h"
#include "base/directory/key_algorithm.h"
#include "base/result.h"

#define DKIM_HASH_TEXT 48 /* SHA-256 in base64, with its NUL */

/* The hash of a canonical body as bh= has it. OK or E_MEMORY. */
int dkim_body_hash(struct bytes canonical, char out[DKIM_HASH_TEXT]);
/* Does the signature (b=) of these octets verify with the key (p=)? White space in both is passed over. OK; E_SYNTAX:
 * the key or the signature cannot be read; E_DENIED: it does not verify. */
int dkim_signature_verify(enum key_algorithm algorithm, struct bytes key_base64, struct bytes signed_octets,
                          struct bytes signature_base64, struct reason *why);

#endif

/* A message that is never sent: signed with a domain's key as mail is, and verified as a receiver verifies it, with the
 * key that DNS has. What verifies is our own, with OpenSSL below it (dkim/verify.h): libopendkim made the signature,
 * and a fault of its own it would not see; the whole of a relaxed/relaxed verifier is a page. Any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_PROBE_H
#define SENDOFF_RELAY_DOMAIN_PROBE_H

#include "base/bytes.h"
#include "base/directory/key_algorithm.h"
#include "base/result.h"

/* Signs a probe for `domain` with the private key, and verifies the signature with the text of the published key
 * record. OK; E_DENIED: it does not verify; E_SYNTAX: the record, the key or the signature cannot be read; E_MEMORY,
 * E_IO; with the reason. */
int probe_key(const char *domain, const char *selector, struct bytes private_pem, const char *key_record,
              struct reason *why);
/* Verifies the first DKIM-Signature of a message (CRLF line ends; relaxed/relaxed, as ours are) with that key record.
 * As above. */
int probe_verify(struct bytes message, struct bytes key_record, struct reason *why);

#endif

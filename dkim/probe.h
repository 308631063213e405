/* A small message signed at start, to learn how this libopendkim behaves. Private to dkim/. */
#ifndef SENDOFF_DKIM_PROBE_H
#define SENDOFF_DKIM_PROBE_H

#include "base/bytes.h"
#include "dkim/body_feed.h"
#include "dkim/key_private.h"

#define PROBE_SIGNATURES_MAX (16 * 1024)

/* A key of its own; false without memory. To be released with EVP_PKEY_free(key->pkey). */
bool probe_key_make(enum key_algorithm algorithm, struct signer_key *key);
/* Appends the signatures with each key to `out`. */
int probe_sign(struct signer_lib *lib, struct signer_key *const keys[], size_t count, enum body_feed feed,
               struct buffer *out, struct reason *why);

#endif

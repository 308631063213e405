/* A key for a domain, with a selector that it has not yet. Any thread; RSA takes a moment. */
#ifndef SENDOFF_DKIM_NEW_KEY_H
#define SENDOFF_DKIM_NEW_KEY_H

#include "base/directory/directory.h"
#include "dkim/key_name.h"
#include "dkim/keys.h"

struct new_key {
  struct signing_key key; /* without id and times; its texts are below, and of the domain */
  char selector[SELECTOR_MAX + 1];
  struct buffer pem, public_base64;
};

/* `rsa_bits` 0: those of `replaces`, or 2048. `replaces` NULL: none; then the key is active, else waiting. `d` and
 * `replaces` outlive it. E_EXISTS with the reason: no selector is free. new_key_clear in any case. */
int new_key_make(struct new_key *out, const struct domain *d, enum key_algorithm algorithm, unsigned rsa_bits,
                 const struct signing_key *replaces, int64_t now_us, struct reason *why);
void new_key_clear(struct new_key *k);

#endif

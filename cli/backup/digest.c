#include "cli/backup/digest.h"

#include <gnutls/crypto.h>
#include <stdio.h>
#include <stdlib.h>

struct digest {
  gnutls_hash_hd_t hash;
};

struct digest *digest_new(void) {
  struct digest *d = calloc(1, sizeof *d);
  if (d && gnutls_hash_init(&d->hash, GNUTLS_DIG_SHA256) == 0) return d;
  free(d);
  return NULL;
}

void digest_add(struct digest *d, struct bytes data) {
  gnutls_hash(d->hash, data.at, data.len);
}

void digest_end(struct digest **at, char out[DIGEST_TEXT]) {
  struct digest *d = *at;
  unsigned char octets[32];
  *at = NULL;
  if (!d) return;
  gnutls_hash_deinit(d->hash, octets);
  for (size_t i = 0; i < sizeof octets; i++) snprintf(out + 2 * i, 3, "%02x", octets[i]);
  free(d);
}

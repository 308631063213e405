#include "dkim/probe.h"

#include "dkim/signer.h"
#include "dkim/signer_private.h"

#include <openssl/rsa.h>

#define PROBE_BITS 1024 /* nothing is sent with it, and a larger one takes longer to make */

bool probe_key_make(enum key_algorithm algorithm, struct signer_key *key) {
  *key = (struct signer_key){.algorithm = algorithm, .references = 1};
  key->pkey = algorithm == KEY_RSA ? EVP_RSA_gen(PROBE_BITS) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  return key->pkey != NULL;
}

int probe_sign(struct signer_lib *lib, struct signer_key *const keys[], size_t count, enum body_feed feed,
               struct buffer *out, struct reason *why) {
  struct signer_identity ids[SIGNER_KEYS_MAX];
  struct signer *s;
  for (size_t i = 0; i < count && i < SIGNER_KEYS_MAX; i++)
    ids[i] = (struct signer_identity){keys[i], "example.com", "probe"};
  int rc = signer_begin(lib, ids, count, &s, why);
  if (rc == OK) {
    signer_set_feed(s, feed);
    rc = signer_header(s, BYTES("From: probe@example.com\r\n"));
  }
  if (rc == OK) rc = signer_headers_end(s, why);
  if (rc == OK) rc = signer_body(s, BYTES("a  body \r\nof two lines\r\n\r\n"));
  if (rc == OK) rc = signer_finish(s, out, why);
  signer_free(&s);
  return rc;
}

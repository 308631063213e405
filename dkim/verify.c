#include "dkim/verify.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>

#define DECODED_MAX (16 * 1024)
#define SHA256_SIZE 32
#define ED25519_SIZE 32 /* RFC 8463 4: p= is the bare key */

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Caller frees `out`. E_SYNTAX, E_TOO_BIG, E_MEMORY. */
static int decode(struct bytes text, struct buffer *out) {
  struct buffer plain;
  size_t padding = 0;
  buffer_init(out, DECODED_MAX);
  buffer_init(&plain, 2 * DECODED_MAX);
  int rc = OK;
  for (size_t i = 0; rc == OK && i < text.len; i++)
    if (!is_space(text.at[i])) rc = buffer_add(&plain, text.at + i, 1);
  while (padding < 2 && padding < plain.len && plain.at[plain.len - 1 - padding] == '=') padding++;
  while (rc == OK && plain.len % 4) { /* some publish keys without it */
    rc = buffer_add(&plain, "=", 1);
    padding++;
  }
  if (rc == OK && (!plain.len || padding > 2)) rc = E_SYNTAX;
  if (rc == OK) rc = buffer_reserve(out, plain.len / 4 * 3 + 1);
  int n = rc == OK ? EVP_DecodeBlock((unsigned char *)out->at, (const unsigned char *)plain.at, (int)plain.len) : -1;
  if (rc == OK && n < (int)padding) rc = E_SYNTAX;
  if (rc == OK) out->len = (size_t)n - padding;
  buffer_free(&plain);
  return rc;
}

static EVP_PKEY *read_key(enum key_algorithm algorithm, struct bytes base64) {
  struct buffer der;
  EVP_PKEY *key = NULL;
  if (decode(base64, &der) == OK) {
    const unsigned char *at = (const unsigned char *)der.at;
    if (algorithm == KEY_RSA)
      key = d2i_PUBKEY(NULL, &at, (long)der.len);
    else if (der.len == ED25519_SIZE)
      key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, at, der.len);
  }
  buffer_free(&der);
  return key;
}

static bool sha256(struct bytes text, unsigned char out[SHA256_SIZE]) {
  unsigned len;
  return EVP_Digest(text.at ? text.at : "", text.len, out, &len, EVP_sha256(), NULL) == 1 && len == SHA256_SIZE;
}

int dkim_body_hash(struct bytes canonical, char out[DKIM_HASH_TEXT]) {
  unsigned char hash[SHA256_SIZE];
  if (!sha256(canonical, hash)) return E_MEMORY;
  EVP_EncodeBlock((unsigned char *)out, hash, sizeof hash);
  return OK;
}

/* RFC 8463 3: Ed25519 signs the hash of what RSA hashes itself. */
static bool verifies(EVP_PKEY *key, enum key_algorithm algorithm, struct bytes octets, struct bytes signature) {
  unsigned char hash[SHA256_SIZE];
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  const unsigned char *at = (const unsigned char *)octets.at;
  size_t len = octets.len;
  bool ready = context && (algorithm == KEY_RSA || sha256(octets, hash));
  if (algorithm == KEY_ED25519) {
    at = hash;
    len = sizeof hash;
  }
  bool good = ready &&
              EVP_DigestVerifyInit(context, NULL, algorithm == KEY_RSA ? EVP_sha256() : NULL, NULL, key) == 1 &&
              EVP_DigestVerify(context, (const unsigned char *)signature.at, signature.len, at, len) == 1;
  EVP_MD_CTX_free(context);
  return good;
}

int dkim_signature_verify(enum key_algorithm algorithm, struct bytes key_base64, struct bytes signed_octets,
                          struct bytes signature_base64, struct reason *why) {
  struct buffer signature;
  EVP_PKEY *key = read_key(algorithm, key_base64);
  int rc = decode(signature_base64, &signature);
  if (!key || EVP_PKEY_get_base_id(key) != (algorithm == KEY_RSA ? EVP_PKEY_RSA : EVP_PKEY_ED25519))
    rc = fail(why, E_SYNTAX, "the published key cannot be read");
  else if (rc != OK)
    rc = fail(why, rc, "the signature cannot be read");
  else if (!verifies(key, algorithm, signed_octets, buffer_bytes(&signature)))
    rc = fail(why, E_DENIED, "the signature does not verify with the published key");
  ERR_clear_error(); /* of this thread: nobody else's business */
  EVP_PKEY_free(key);
  buffer_free(&signature);
  return rc;
}

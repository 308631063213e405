#include "dkim/keys.h"

#include "dkim/key_private.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define PEM_MAX (32 * 1024)
#define RSA_BITS_MIN 1024 /* RFC 8301 3.2 */

static int openssl_failed(struct reason *why, int code, const char *what) {
  char text[160] = "no reason given";
  unsigned long e = ERR_get_error();
  if (e) ERR_error_string_n(e, text, sizeof text);
  ERR_clear_error();
  return fail(why, code, "%s: %s", what, text);
}

static int take_bio(BIO *bio, struct buffer *out) {
  char *data;
  long len = BIO_get_mem_data(bio, &data);
  buffer_init_secret(out, PEM_MAX);
  int rc = len > 0 ? buffer_add(out, data, (size_t)len) : E_MEMORY;
  if (rc == OK) rc = buffer_add(out, "", 1);
  if (rc == OK) out->len--; /* a NUL stands behind it */
  return rc;
}

static int export_private(EVP_PKEY *pkey, struct buffer *out) {
  BIO *bio = BIO_new(BIO_s_mem());
  int rc =
      bio && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1 ? take_bio(bio, out) : E_MEMORY;
  BIO_free(bio);
  return rc;
}

static int encode_base64(const unsigned char *data, size_t len, struct buffer *out) {
  buffer_init(out, PEM_MAX);
  int rc = buffer_reserve(out, 4 * ((len + 2) / 3) + 1);
  if (rc == OK) out->len = (size_t)EVP_EncodeBlock((unsigned char *)out->at, data, (int)len);
  return rc;
}

static int export_public(EVP_PKEY *pkey, enum key_algorithm algorithm, struct buffer *out) {
  if (algorithm == KEY_ED25519) {
    unsigned char raw[32];
    size_t len = sizeof raw;
    return EVP_PKEY_get_raw_public_key(pkey, raw, &len) == 1 ? encode_base64(raw, len, out) : E_MEMORY;
  }
  unsigned char *der = NULL;
  int len = i2d_PUBKEY(pkey, &der);
  int rc = len > 0 ? encode_base64(der, (size_t)len, out) : E_MEMORY;
  OPENSSL_free(der);
  return rc;
}

int key_generate(enum key_algorithm algorithm, unsigned rsa_bits, struct buffer *private_pem,
                 struct buffer *public_base64, struct reason *why) {
  buffer_init(private_pem, PEM_MAX);
  buffer_init(public_base64, PEM_MAX);
  if (algorithm == KEY_RSA && rsa_bits < RSA_BITS_MIN)
    return fail(why, E_DENIED, "RSA keys under %d bits are not accepted by anybody (RFC 8301 3.2)", RSA_BITS_MIN);
  EVP_PKEY *pkey = algorithm == KEY_RSA ? EVP_RSA_gen(rsa_bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  if (!pkey) return openssl_failed(why, E_IO, "the key cannot be made");
  int rc = export_private(pkey, private_pem);
  if (rc == OK) rc = export_public(pkey, algorithm, public_base64);
  EVP_PKEY_free(pkey);
  return rc == OK ? OK : openssl_failed(why, rc, "the key cannot be written down");
}

static int check(struct signer_key *k, struct reason *why) {
  int kind = EVP_PKEY_get_base_id(k->pkey);
  if (kind == EVP_PKEY_ED25519) {
    k->algorithm = KEY_ED25519;
    return OK;
  }
  if (kind != EVP_PKEY_RSA) return fail(why, E_SYNTAX, "a DKIM key is RSA or Ed25519; this one is neither");
  k->algorithm = KEY_RSA;
  int bits = EVP_PKEY_get_bits(k->pkey);
  if (bits >= RSA_BITS_MIN) return OK;
  return fail(why, E_DENIED, "an RSA key of %d bits; under %d is not accepted by anybody (RFC 8301 3.2)", bits,
              RSA_BITS_MIN);
}

int signer_key_load(struct bytes private_pem, struct signer_key **out, struct reason *why) {
  struct signer_key *k = *out = calloc(1, sizeof *k);
  if (!k) return fail(why, E_MEMORY, "out of memory");
  k->references = 1;
  BIO *bio = private_pem.len <= PEM_MAX ? BIO_new_mem_buf(private_pem.at, (int)private_pem.len) : NULL;
  k->pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
  BIO_free(bio);
  int rc = k->pkey ? check(k, why) : openssl_failed(why, E_SYNTAX, "the private key cannot be read");
  if (rc != OK) signer_key_release(out);
  return rc;
}

struct signer_key *signer_key_hold(struct signer_key *k) {
  __atomic_add_fetch(&k->references, 1, __ATOMIC_RELAXED);
  return k;
}

void signer_key_release(struct signer_key **at) {
  struct signer_key *k = *at;
  *at = NULL;
  if (!k || __atomic_sub_fetch(&k->references, 1, __ATOMIC_ACQ_REL) > 0) return;
  EVP_PKEY_free(k->pkey);
  free(k);
}

int key_record(enum key_algorithm algorithm, const char *public_base64, struct buffer *out) {
  return buffer_addf(out, "v=DKIM1; k=%s; p=%s", key_algorithm_name(algorithm), public_base64);
}

#define OPENSSL_SUPPRESS_DEPRECATED /* RSA_sign */
#include "dkim/keys.h"

#include "dkim/key_export.h"
#include "dkim/key_memory_private.h"
#include "dkim/key_private.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static int generate(enum key_algorithm algorithm, unsigned rsa_bits, struct buffer *private_pem,
                    struct buffer *public_base64, struct reason *why) {
  EVP_PKEY *pkey = algorithm == KEY_RSA ? EVP_RSA_gen(rsa_bits) : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
  if (!pkey) return key_openssl_failed(why, E_IO, "the key cannot be made");
  int rc = key_export(pkey, algorithm, private_pem, public_base64);
  EVP_PKEY_free(pkey);
  return rc == OK ? OK : key_openssl_failed(why, rc, "the key cannot be written down");
}

int key_generate(enum key_algorithm algorithm, unsigned rsa_bits, struct buffer *private_pem,
                 struct buffer *public_base64, struct reason *why) {
  buffer_init_secret(private_pem, KEY_PEM_MAX);
  buffer_init(public_base64, KEY_PEM_MAX);
  int rc = key_bits_check(algorithm, rsa_bits, why);
  if (rc != OK) return rc;
  key_memory_begin();
  rc = generate(algorithm, rsa_bits, private_pem, public_base64, why);
  key_memory_end();
  return rc;
}

/* A key that was stored when shorter ones were made goes on signing, as long as anybody takes it. */
static int check(struct signer_key *k, struct reason *why) {
  int rc = key_algorithm_of(k->pkey, &k->algorithm, why);
  int bits = EVP_PKEY_get_bits(k->pkey);
  if (rc != OK || k->algorithm != KEY_RSA) return rc;
  if (bits > RSA_BITS_SIGN_MOST) return fail(why, E_TOO_BIG, "an RSA key of %d bits", bits);
  if (bits >= RSA_BITS_SIGN_MIN) return OK;
  return fail(why, E_DENIED, "an RSA key of %d bits; under %d is not accepted by anybody (RFC 8301 3.2)", bits,
              RSA_BITS_SIGN_MIN);
}

/* libopendkim signs with RSA_sign: OpenSSL 3 then keeps a second copy of the key for its older interface, and
 * Montgomery contexts of its primes. Both are made here, where they come into locked memory. */
static bool sign_rsa(struct signer_key *k) {
  unsigned char signature[RSA_BITS_SIGN_MOST / 8];
  static const unsigned char digest[SHA256_DIGEST_LENGTH];
  unsigned len;
  RSA *rsa = EVP_PKEY_get1_RSA(k->pkey);
  bool done = rsa && RSA_sign(NID_sha256, digest, sizeof digest, signature, &len, rsa) == 1;
  RSA_free(rsa);
  return done;
}

static bool sign_ed25519(struct signer_key *k) {
  unsigned char signature[64];
  size_t len = sizeof signature;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool done = context && EVP_DigestSignInit(context, NULL, NULL, NULL, k->pkey) == 1 &&
              EVP_DigestSign(context, signature, &len, (const unsigned char *)"", 0) == 1;
  EVP_MD_CTX_free(context);
  return done;
}

static int parse(struct signer_key *k, struct bytes private_pem, struct reason *why) {
  BIO *bio = private_pem.len <= KEY_PEM_MAX ? BIO_new_mem_buf(private_pem.at, (int)private_pem.len) : NULL;
  k->pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
  BIO_free(bio);
  if (!k->pkey) return key_openssl_failed(why, E_SYNTAX, "the private key cannot be read");
  int rc = check(k, why);
  if (rc != OK || (k->algorithm == KEY_RSA ? sign_rsa(k) : sign_ed25519(k))) return rc;
  return key_openssl_failed(why, E_SYNTAX, "the private key does not sign");
}

int signer_key_load(struct bytes private_pem, struct signer_key **out, struct reason *why) {
  struct signer_key *k = *out = calloc(1, sizeof *k);
  if (!k) return fail(why, E_MEMORY, "out of memory");
  k->references = 1;
  key_memory_begin();
  int rc = parse(k, private_pem, why);
  key_memory_end();
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

unsigned key_bits(enum key_algorithm algorithm, const char *public_base64) {
  unsigned char der[KEY_PEM_MAX];
  size_t len = strlen(public_base64);
  if (algorithm == KEY_ED25519) return 256;
  bool fits = len && len % 4 == 0 && len / 4 * 3 <= sizeof der;
  int n = fits ? EVP_DecodeBlock(der, (const unsigned char *)public_base64, (int)len) : -1;
  const unsigned char *at = der;
  EVP_PKEY *pkey = n > 0 ? d2i_PUBKEY(NULL, &at, n) : NULL; /* the zeros that padding leaves stand behind it */
  int bits = pkey ? EVP_PKEY_get_bits(pkey) : 0;
  EVP_PKEY_free(pkey);
  ERR_clear_error();
  return bits > 0 ? (unsigned)bits : 0;
}

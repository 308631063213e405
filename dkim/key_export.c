#include "dkim/key_export.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

int key_openssl_failed(struct reason *why, int code, const char *what) {
  char text[160] = "no reason given";
  unsigned long e = ERR_get_error();
  if (e) ERR_error_string_n(e, text, sizeof text);
  ERR_clear_error();
  return fail(why, code, "%s: %s", what, text);
}

int key_algorithm_of(const EVP_PKEY *pkey, enum key_algorithm *algorithm, struct reason *why) {
  int kind = EVP_PKEY_get_base_id(pkey);
  if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_ED25519)
    return fail(why, E_SYNTAX, "a DKIM key is RSA or Ed25519; this one is neither");
  *algorithm = kind == EVP_PKEY_RSA ? KEY_RSA : KEY_ED25519;
  return OK;
}

int key_bits_check(enum key_algorithm algorithm, unsigned bits, struct reason *why) {
  if (algorithm != KEY_RSA) return OK;
  if (bits < RSA_BITS_MAKE_MIN)
    return fail(why, E_DENIED,
                "an RSA key of %u bits is too short: a signer's has %d or more, and receivers refuse those under %d "
                "(RFC 8301 3.2); make a new key and publish that",
                bits, RSA_BITS_MAKE_MIN, RSA_BITS_SIGN_MIN);
  if (bits > RSA_BITS_MAX)
    return fail(why, E_DENIED,
                "an RSA key of %u bits is too long: receivers need not take more than %d (RFC 8301 3.2); use one of "
                "%d to %d bits",
                bits, RSA_BITS_MAX, RSA_BITS_MAKE_MIN, RSA_BITS_MAX);
  return OK;
}

static int take_bio(BIO *bio, struct buffer *out) {
  char *data;
  long len = BIO_get_mem_data(bio, &data);
  int rc = len > 0 ? buffer_add(out, data, (size_t)len) : E_MEMORY;
  if (rc == OK) rc = buffer_add(out, "", 1);
  if (rc == OK) out->len--; /* a NUL stands behind it */
  return rc;
}

static int export_private(EVP_PKEY *pkey, struct buffer *out) {
  BIO *bio = BIO_new(BIO_s_mem()); /* overwrites its memory when it is freed */
  int rc =
      bio && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1 ? take_bio(bio, out) : E_MEMORY;
  BIO_free(bio);
  return rc;
}

static int encode_base64(const unsigned char *data, size_t len, struct buffer *out) {
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

int key_export(EVP_PKEY *pkey, enum key_algorithm algorithm, struct buffer *private_pem, struct buffer *public_base64) {
  buffer_init_secret(private_pem, KEY_PEM_MAX);
  buffer_init(public_base64, KEY_PEM_MAX);
  int rc = export_private(pkey, private_pem);
  return rc == OK ? export_public(pkey, algorithm, public_base64) : rc;
}

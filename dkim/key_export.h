/* A parsed key written down. Private to dkim/. */
#ifndef SENDOFF_DKIM_KEY_EXPORT_H
#define SENDOFF_DKIM_KEY_EXPORT_H

#include "base/bytes.h"
#include "base/directory/key_algorithm.h"
#include "base/result.h"

#include <openssl/evp.h>

#define KEY_PEM_MAX (32 * 1024)
#define RSA_BITS_SIGN_MIN 1024 /* RFC 8301 3.2: verifiers refuse less */
#define RSA_BITS_SIGN_MOST 16384
#define RSA_BITS_MAKE_MIN 2048 /* what RFC 8301 3.2 asks signers for */
#define RSA_BITS_MAX 4096      /* RFC 8301 3.2: verifiers need not take more */

/* E_SYNTAX: it is neither RSA nor Ed25519. */
int key_algorithm_of(const EVP_PKEY *pkey, enum key_algorithm *algorithm, struct reason *why);
/* E_DENIED: an RSA key that is too short for new signatures, or longer than verifiers take. */
int key_bits_check(enum key_algorithm algorithm, unsigned bits, struct reason *why);
/* As key_generate says. Initialises both; the caller frees them, also on failure. E_MEMORY. */
int key_export(EVP_PKEY *pkey, enum key_algorithm algorithm, struct buffer *private_pem, struct buffer *public_base64);
/* `code`, with what OpenSSL says is wrong. */
int key_openssl_failed(struct reason *why, int code, const char *what);

#endif

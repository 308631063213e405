/* DKIM private keys: made, parsed once, handed to libopendkim again and again. The one place where private-key material
 * is turned into something that can sign, so that another process could one day hold the keys instead. */
#ifndef SENDOFF_DKIM_KEYS_H
#define SENDOFF_DKIM_KEYS_H

#include "base/bytes.h"
#include "base/directory/key_algorithm.h"
#include "base/result.h"

/* A new key. `private_pem` is PKCS #8 PEM (NUL-terminated too), `public_base64` what p= publishes: SubjectPublicKeyInfo
 * for RSA (RFC 6376 3.6.1), the bare 32 octets for Ed25519 (RFC 8463 4). Caller frees both with buffer_wipe_free, on
 * failure too. E_DENIED: RSA under 2048 bits, or over 4096 (RFC 8301 3.2). Any thread; RSA takes a moment, with 4096
 * bits seconds. */
int key_generate(enum key_algorithm algorithm, unsigned rsa_bits, struct buffer *private_pem,
                 struct buffer *public_base64, struct reason *why);
/* The same of a key that was made elsewhere: PKCS #1 or PKCS #8 PEM in `text`. `bits`: of its modulus; 256 for Ed25519.
 * E_SYNTAX: no private key, or one that is damaged, or of another algorithm; E_DENIED: encrypted, or as above;
 * E_TOO_BIG; E_MEMORY. The reason names no octet of the text. */
int key_import(struct bytes text, struct buffer *private_pem, struct buffer *public_base64,
               enum key_algorithm *algorithm, unsigned *bits, struct reason *why);

struct signer_key; /* a parsed key; immutable, counted */
/* PKCS #8 or PKCS #1 PEM, as stored. E_DENIED: RSA under 1024 bits (RFC 8301 3.2); E_SYNTAX, E_MEMORY. */
int signer_key_load(struct bytes private_pem, struct signer_key **out, struct reason *why);
struct signer_key *signer_key_hold(struct signer_key *key); /* any thread */
void signer_key_release(struct signer_key **key);

/* Of a public key as key_generate writes it: 2048, 256; 0: it cannot be read. */
unsigned key_bits(enum key_algorithm algorithm, const char *public_base64);

/* The TXT record to publish at SELECTOR._domainkey.DOMAIN: "v=DKIM1; k=rsa; p=..." */
int key_record(enum key_algorithm algorithm, const char *public_base64, struct buffer *out);

#endif

/* A private key that was made elsewhere (opendkim-genkey, openssl, another system), so that a published record can stay
 * as it is. */
#include "dkim/key_export.h"
#include "dkim/keys.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static bool has(struct bytes text, const char *part) {
  return text.len && memmem(text.at, text.len, part, strlen(part));
}

/* Of the BEGIN lines that end so. */
static size_t count_begins(struct bytes text, const char *ending) {
  size_t n = 0;
  for (size_t at = 0, end; at < text.len; at = end + 1) {
    end = bytes_find(text, '\n', at);
    struct bytes line = bytes_trim((struct bytes){text.at + at, end - at});
    n += bytes_starts_nocase(line, BYTES("-----BEGIN ")) && has(line, ending);
  }
  return n;
}

/* RFC 7468 10, 11; RFC 1421 4.6.1.1 of older files. What it is instead, so that nobody has to guess from an ASN.1
 * error. */
static int check_form(struct bytes text, struct reason *why) {
  if (text.len > KEY_PEM_MAX) return fail(why, E_TOO_BIG, "larger than any private key");
  if (has(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") || has(text, "Proc-Type: 4,ENCRYPTED"))
    return fail(why, E_DENIED,
                "the key is encrypted with a passphrase, which a gateway that starts by itself does not have; decrypt "
                "it (openssl pkey -in FILE -out PLAIN), import PLAIN, then delete it");
  size_t keys = count_begins(text, "PRIVATE KEY-----");
  if (keys == 1) return OK;
  if (keys > 1) return fail(why, E_SYNTAX, "there is more than one private key in it; leave the one that signs");
  if (count_begins(text, "PUBLIC KEY-----") || count_begins(text, "CERTIFICATE-----") || has(text, "v=DKIM1"))
    return fail(why, E_SYNTAX, "this is public; the private key is wanted, whose first line ends in PRIVATE KEY-----");
  return fail(
      why, E_SYNTAX,
      "no private key in PEM, which begins with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----; "
      "a DER file becomes one with: openssl pkey -inform DER -in FILE -out PEM");
}

static EVP_PKEY *parse(struct bytes text) {
  BIO *bio = BIO_new_mem_buf(text.at, (int)text.len);
  EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)(uintptr_t) "") : NULL;
  BIO_free(bio);
  return pkey;
}

/* A key whose parts do not belong together signs nothing that verifies. */
static int check_parts(EVP_PKEY *pkey, struct reason *why) {
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
  if (!context) return fail(why, E_MEMORY, "out of memory");
  int rc = EVP_PKEY_check(context) == 1
               ? OK
               : fail(why, E_SYNTAX, "the key is damaged: its parts do not belong together; export it again");
  EVP_PKEY_CTX_free(context);
  ERR_clear_error();
  return rc;
}

int key_import(struct bytes text, struct buffer *private_pem, struct buffer *public_base64,
               enum key_algorithm *algorithm, unsigned *bits, struct reason *why) {
  buffer_init_secret(private_pem, KEY_PEM_MAX);
  buffer_init(public_base64, KEY_PEM_MAX);
  int rc = check_form(text, why);
  if (rc != OK) return rc;
  EVP_PKEY *pkey = parse(text);
  if (!pkey) return key_openssl_failed(why, E_SYNTAX, "the private key cannot be read");
  rc = key_algorithm_of(pkey, algorithm, why);
  if (rc == OK) {
    *bits = *algorithm == KEY_RSA ? (unsigned)EVP_PKEY_get_bits(pkey) : 256;
    rc = key_bits_check(*algorithm, *bits, why);
  }
  if (rc == OK) rc = check_parts(pkey, why);
  if (rc == OK && (rc = key_export(pkey, *algorithm, private_pem, public_base64)) != OK)
    key_openssl_failed(why, rc, "the key cannot be written down");
  EVP_PKEY_free(pkey);
  return rc;
}

#include "relay/submission/auth/password.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gsasl.h>
#include <stdlib.h>
#include <string.h>

static int hmac(const unsigned char key[32], const char *text, unsigned char out[32]) {
  return gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, 32, text, strlen(text), out);
}

/* RFC 4013, as RFC 5802 2.2 wants it. ASCII is its own normal form; the caller frees. */
static int prepare(struct bytes password, char **out) {
  *out = bytes_dup(password);
  if (!*out) return E_SYNTAX;
  bool ascii = true;
  for (size_t i = 0; i < password.len; i++) {
    unsigned char c = (unsigned char)password.at[i];
    if (c < 32 || c == 127) ascii = false; /* SASLprep says no to these */
    if (c > 126) ascii = false;
  }
  if (ascii) return OK;
  char *prepared = NULL;
  int rc = gsasl_saslprep(*out, 0, &prepared, NULL);
  wipe(*out, password.len);
  free(*out);
  *out = prepared;
  return rc == GSASL_OK ? OK : E_SYNTAX;
}

int password_derive(struct bytes password, struct scram_verifier *v) {
  char *text;
  int rc = prepare(password, &text);
  if (rc != OK) return rc;
  unsigned char salted[32], client_key[32];
  gnutls_datum_t key = {(unsigned char *)text, (unsigned)strlen(text)};
  gnutls_datum_t salt = {v->salt, sizeof v->salt};
  bool good = gnutls_pbkdf2(GNUTLS_MAC_SHA256, &key, &salt, v->iterations, salted, sizeof salted) == 0 &&
              hmac(salted, "Client Key", client_key) == 0 && hmac(salted, "Server Key", v->server_key) == 0 &&
              gnutls_hash_fast(GNUTLS_DIG_SHA256, client_key, sizeof client_key, v->stored_key) == 0;
  wipe(text, key.size);
  free(text);
  wipe(salted, sizeof salted);
  wipe(client_key, sizeof client_key);
  return good ? OK : E_MEMORY;
}

int password_verifier(struct bytes password, unsigned iterations, struct scram_verifier *out) {
  out->iterations = iterations;
  random_bytes(out->salt, sizeof out->salt);
  return password_derive(password, out);
}

void password_of_nobody(const unsigned char secret[32], const char *name, struct scram_verifier *out) {
  unsigned char tag[32];
  memset(out, 0, sizeof *out);
  random_bytes(out->stored_key, sizeof out->stored_key);
  random_bytes(out->server_key, sizeof out->server_key);
  if (hmac(secret, name, tag) != 0) random_bytes(tag, sizeof tag);
  memcpy(out->salt, tag, sizeof out->salt);
  out->iterations = PASSWORD_ITERATIONS_GENERATED; /* as most accounts: another number would rule the name out */
}

bool password_matches(struct bytes password, const struct scram_verifier *v) {
  struct scram_verifier mine = *v;
  bool right = password_derive(password, &mine) == OK &&
               equal_constant_time(mine.stored_key, v->stored_key, sizeof v->stored_key);
  wipe(&mine, sizeof mine);
  return right;
}

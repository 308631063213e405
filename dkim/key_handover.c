/* libopendkim parses the PEM text of its key again for every message, which costs as much as several signatures. It
 * does so through one call, PEM_read_bio_PrivateKey, that the dynamic linker resolves to the program's own definition
 * before OpenSSL's. This is that definition: on a thread that is about to sign it hands back the key that was parsed
 * once, and in every other case it passes the call on. */
#include "dkim/key_private.h"

#include <dlfcn.h>
#include <openssl/pem.h>

static _Thread_local struct signer_key *current;
static _Thread_local unsigned long asked;

void key_handover(struct signer_key *key) {
  current = key;
}
unsigned long key_handover_count(void) {
  return asked;
}

typedef EVP_PKEY *read_function(BIO *bio, EVP_PKEY **out, pem_password_cb *cb, void *u);

__attribute__((visibility("default"))) EVP_PKEY *PEM_read_bio_PrivateKey(BIO *bio, EVP_PKEY **out, pem_password_cb *cb,
                                                                         void *u) {
  if (current) {
    asked++;
    if (key_lends_reference(current->algorithm) && EVP_PKEY_up_ref(current->pkey) != 1) return NULL;
    if (out) *out = current->pkey;
    return current->pkey;
  }
  union {
    void *object;
    read_function *function;
  } real = {dlsym(RTLD_NEXT, "PEM_read_bio_PrivateKey")};
  return real.object ? real.function(bio, out, cb, u) : NULL;
}

/* A message that is signed with two keys has one body, and all its signatures use the same canonicalization and the
 * same hash (relaxed, SHA-256: RFC 6376 3.3.2, RFC 8463 3), so bh= is the same in each. libopendkim has a handle for
 * each key, though, and each wants to be given the body, canonicalizes it octet by octet and hashes it: most of what a
 * large message costs, paid once for each key. (Built with dkim_resign, handles could share it; Debian's is not.)
 *
 * So only the first handle is given the body. libopendkim takes digests through SHA256_Final, which the dynamic linker
 * resolves to the program's own definition before OpenSSL's: the one below. Within dkim_eom, the first digest that is
 * taken is the body's, the second that of the header. The first handle's body digest is noted here, and each other
 * handle, whose own is that of an empty body, gets the noted one as the answer. Header, h=, b= and the rest of every
 * signature remain libopendkim's work, and so does the digest itself.
 *
 * That dkim_eom does it in this order is no promise of libopendkim's: dkim/body_feed.c tries it at start, and
 * dkim/signer.c compares bh= of all signatures of each message. */
#include "dkim/body_digest.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

_Static_assert(SHA256_OCTETS == SHA256_DIGEST_LENGTH, "SHA-256 has 256 bits");

static _Thread_local struct body_digest *noted;
static _Thread_local const struct body_digest *answer;

void body_digest_note(struct body_digest *d) {
  d->known = false;
  noted = d;
}

void body_digest_answer(const struct body_digest *d) {
  answer = d;
}

void body_digest_end(void) {
  noted = NULL;
  answer = NULL;
}

typedef int final_function(unsigned char *digest, SHA256_CTX *context);

static final_function *real_final(void) {
  static _Atomic(final_function *) found;
  union {
    void *object;
    final_function *function;
  } real = {.function = atomic_load_explicit(&found, memory_order_relaxed)};
  if (!real.function) {
    real.object = dlsym(RTLD_NEXT, "SHA256_Final");
    atomic_store_explicit(&found, real.function, memory_order_relaxed);
  }
  return real.function;
}

__attribute__((visibility("default"))) int SHA256_Final(unsigned char *digest, SHA256_CTX *context) {
  if (answer) {
    memcpy(digest, answer->octets, sizeof answer->octets);
    answer = NULL;
    OPENSSL_cleanse(context, sizeof *context);
    return 1;
  }
  final_function *real = real_final();
  int done = real ? real(digest, context) : 0;
  if (noted) {
    noted->known = done == 1;
    memcpy(noted->octets, digest, sizeof noted->octets);
    noted = NULL;
  }
  return done;
}

#include "dkim/body_feed.h"

#include "base/log.h"
#include "dkim/probe.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define TRIES 10

static _Atomic enum body_feed feed = BODY_EACH;

enum body_feed body_feed(void) {
  return atomic_load_explicit(&feed, memory_order_relaxed);
}

void body_feed_distrust(void) {
  if (atomic_exchange(&feed, BODY_EACH) == BODY_ONCE)
    log_event(LOG_ERROR_, NULL, "signatures of one message did not agree about its body", "effect",
              "each body is now hashed once for each key, which is slower; please report it", NULL);
}

/* Both algorithms are deterministic (RFC 8017 8.2, RFC 8032), so all of the fields must be the same, b= too, when t=
 * is: it is tried again when the clock went on to the next second in between. */
static int same_both_ways(struct signer_lib *lib, struct signer_key *const keys[], size_t count, bool *same,
                          struct reason *why) {
  int rc = OK;
  *same = false;
  for (int i = 0; rc == OK && !*same && i < TRIES; i++) {
    struct buffer once, each;
    buffer_init(&once, PROBE_SIGNATURES_MAX);
    buffer_init(&each, PROBE_SIGNATURES_MAX);
    rc = probe_sign(lib, keys, count, BODY_EACH, &each, why);
    if (rc == OK && probe_sign(lib, keys, count, BODY_ONCE, &once, NULL) == OK)
      *same = bytes_equal(buffer_bytes(&once), buffer_bytes(&each));
    buffer_free(&once);
    buffer_free(&each);
  }
  return rc;
}

/* Each algorithm takes the digest from each. */
static int probe(struct signer_lib *lib, bool *same, struct reason *why) {
  struct signer_key rsa = {0}, ed = {0};
  struct signer_key *const keys[] = {&rsa, &ed, &rsa, &ed};
  bool made = probe_key_make(KEY_RSA, &rsa) && probe_key_make(KEY_ED25519, &ed);
  int rc = made ? same_both_ways(lib, keys, 3, same, why) : fail(why, E_MEMORY, "a probe key cannot be made");
  if (rc == OK && *same) rc = same_both_ways(lib, keys + 1, 3, same, why);
  EVP_PKEY_free(rsa.pkey);
  EVP_PKEY_free(ed.pkey);
  return rc;
}

int body_feed_learn(struct signer_lib *lib, struct reason *why) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool learnt;
  bool same = false;
  int rc = OK;
  pthread_mutex_lock(&lock);
  if (!learnt && (rc = probe(lib, &same, why)) == OK) {
    learnt = true;
    if (same)
      atomic_store(&feed, BODY_ONCE);
    else
      log_event(LOG_WARN_, NULL, "this libopendkim cannot share the hash of a body between signatures", "effect",
                "it is hashed once for each key of a domain, which is slower", NULL);
  }
  pthread_mutex_unlock(&lock);
  return rc;
}

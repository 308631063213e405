/* Whether libopendkim frees the key that it asks for. 2.11 frees an RSA key after each signature and forgets an Ed25519
 * one. With a key parsed anew each time that is a leak; with one key handed out again and again it would be a count
 * that overflows. A later release may fix it, and then giving no reference would free the key under our feet. So it is
 * asked once, at start, with a key that tells when it is freed. */
#include "dkim/key_private.h"
#include "dkim/probe.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>

#define FREES_MAX 16

static atomic_bool lend[2] = {true, true};

bool key_lends_reference(enum key_algorithm algorithm) {
  return atomic_load_explicit(&lend[algorithm], memory_order_relaxed);
}

static void on_free(void *parent, void *flag, CRYPTO_EX_DATA *data, int index, long argl, void *argp) {
  (void)parent, (void)data, (void)index, (void)argl, (void)argp;
  if (flag) *(bool *)flag = true;
}

static int probe(struct signer_lib *lib, int index, enum key_algorithm algorithm, struct reason *why) {
  bool freed = false;
  struct signer_key key;
  struct buffer signatures;
  if (!probe_key_make(algorithm, &key) || EVP_PKEY_set_ex_data(key.pkey, index, &freed) != 1) {
    EVP_PKEY_free(key.pkey);
    return fail(why, E_MEMORY, "a probe key cannot be made");
  }
  unsigned long asked = key_handover_count();
  buffer_init(&signatures, PROBE_SIGNATURES_MAX);
  int rc = probe_sign(lib, (struct signer_key *const[]){&key}, 1, BODY_EACH, &signatures, why);
  buffer_free(&signatures);
  asked = key_handover_count() - asked;
  unsigned long kept = 0;
  for (EVP_PKEY_free(key.pkey); !freed && kept < FREES_MAX; kept++) EVP_PKEY_free(key.pkey);
  if (rc != OK) return rc;
  if (!asked || (kept && kept != asked))
    return fail(why, E_IO,
                "this libopendkim treats its keys in a way that is not known here (asked %lu, kept %lu); install the "
                "version that is",
                asked, kept);
  atomic_store(&lend[algorithm], kept == 0);
  return OK;
}

int key_references_learn(struct signer_lib *lib, struct reason *why) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  static bool learnt;
  static int result;
  static struct reason text;
  pthread_mutex_lock(&lock);
  if (!learnt) {
    int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_EVP_PKEY, 0, NULL, NULL, NULL, on_free);
    int rc = index >= 0 ? probe(lib, index, KEY_RSA, &text) : fail(&text, E_MEMORY, "out of memory");
    if (rc == OK) rc = probe(lib, index, KEY_ED25519, &text);
    result = rc;
    learnt = true;
  }
  int rc = result;
  if (rc != OK) *why = text;
  pthread_mutex_unlock(&lock);
  return rc;
}

/* The parsed key's inside. Private to dkim/. */
#ifndef SENDOFF_DKIM_KEY_PRIVATE_H
#define SENDOFF_DKIM_KEY_PRIVATE_H

#include "dkim/keys.h"

#include <openssl/evp.h>
#include <stdbool.h>

struct signer_key {
  EVP_PKEY *pkey;
  enum key_algorithm algorithm;
  int references; /* atomic */
};

/* While set, libopendkim's request on this thread to parse a PEM key is answered with this key. NULL takes it back. */
void key_handover(struct signer_key *key);
/* How often libopendkim asked on this thread; for the test that notices when it stops asking. */
unsigned long key_handover_count(void);

struct signer_lib;
/* Learns, once in the process, whether libopendkim frees the keys it is handed (key_references.c says why that must be
 * known). */
int key_references_learn(struct signer_lib *lib, struct reason *why);
bool key_lends_reference(
    enum key_algorithm algorithm); /* true: each handover carries a reference that libopendkim frees */

#endif

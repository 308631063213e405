/* The algorithms that DKIM keys are made for (RFC 6376 3.3, RFC 8463 3). The values are stored. */
#ifndef SENDOFF_BASE_KEY_ALGORITHM_H
#define SENDOFF_BASE_KEY_ALGORITHM_H

enum key_algorithm { KEY_RSA, KEY_ED25519 };
const char *key_algorithm_name(enum key_algorithm algorithm); /* "rsa", "ed25519": what k= publishes */

#endif

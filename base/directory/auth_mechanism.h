/* The SASL mechanisms that AUTH may offer (RFC 4954), by their names in the IANA registry. Any thread. */
#ifndef SENDOFF_BASE_AUTH_MECHANISM_H
#define SENDOFF_BASE_AUTH_MECHANISM_H

#include "base/bytes.h"

enum auth_mechanism {
  AUTH_PLAIN,
  AUTH_LOGIN,
  AUTH_SCRAM_SHA_256,
  AUTH_SCRAM_SHA_256_PLUS,
  AUTH_EXTERNAL,
  AUTH_MECHANISM_COUNT
};

const char *auth_mechanism_name(enum auth_mechanism m);                /* "SCRAM-SHA-256" ... */
int auth_mechanism_parse(struct bytes name, enum auth_mechanism *out); /* OK or E_NOT_FOUND; in any case */

#endif

/* Does DNS serve a signing key, everywhere? Blocking: libuv's pool, or a command. Any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_KEY_SERVICE_H
#define SENDOFF_RELAY_DOMAIN_KEY_SERVICE_H

#include "dkim/rotation.h"
#include "relay/domain/authority.h"

#define KEY_SERVICE_TEXT 256

struct key_service_finding {
  enum key_service service;
  char text[KEY_SERVICE_TEXT]; /* what is missing, and where; "" with KEY_SERVICE_WHOLE */
};
/* Asks every server of the zone, CNAMEs followed, and the resolver, and makes a signature with the private key that
 * must verify with the published one. Servers that do not answer keep it from being whole: what they serve is not
 * known. Nothing is asked after `deadline_ms` (clock_monotonic_ms). */
void key_service_ask(const struct authority_plan *plan, const struct signing_key *key, struct bytes private_pem,
                     uint64_t deadline_ms, struct key_service_finding *out);

#endif

/* Remembers which passwords were right, so that an application that logs in for each message costs no key derivation
 * each time. Kept is HMAC-SHA-256(random key of this process, account, verifier, password): worthless outside the
 * process, and void as soon as the password is changed. Bounded; a loop's own; the loop's thread only. */
#ifndef SENDOFF_RELAY_SUBMISSION_AUTH_AUTH_CACHE_H
#define SENDOFF_RELAY_SUBMISSION_AUTH_AUTH_CACHE_H

#include "base/directory/directory.h"

struct auth_cache;
struct auth_cache *auth_cache_new(size_t max_entries); /* NULL without memory */
void auth_cache_free(struct auth_cache **c);
bool auth_cache_knows(struct auth_cache *c, const struct account *a, struct bytes password);
void auth_cache_learn(struct auth_cache *c, const struct account *a, struct bytes password);

#endif

/* What has been seen of signing keys since the directory was read, by their ids: what was only looked at is no change
 * of the configuration, so the directory does not have it. One loop's thread. */
#ifndef SENDOFF_RELAY_DOMAIN_KEY_SEEN_H
#define SENDOFF_RELAY_DOMAIN_KEY_SEEN_H

#include "base/directory/directory.h"
#include "base/hash.h"
#include "relay/domain/key_service.h"

struct key_seen {
  enum key_state state; /* that it was in: what was seen in another says nothing */
  int64_t id, checked_us, left_us, said_us, again_us;
  char said[KEY_SERVICE_TEXT];
  UT_hash_handle hh;
};

/* NULL: nothing, or in another state. */
struct key_seen *key_seen_find(struct key_seen *table, const struct signing_key *k);
/* The one that there is, or a new one; NULL without memory. */
struct key_seen *key_seen_of(struct key_seen **table, const struct signing_key *k);
void key_seen_forget(struct key_seen **table, int64_t id);
void key_seen_clear(struct key_seen **table);
/* The key as the directory has it, with what was seen since. */
struct signing_key key_seen_now(struct key_seen *table, const struct signing_key *k);

#endif

/* The course of a signing key, as a function of what is known of it: no network, no store, the time comes in. Any
 * thread.
 *
 *   waiting -> active     every server of the zone and our resolver have its record, and a signature made with it
 *                         verifies: never signs with a key that DNS does not serve, but by command (--force)
 *   active -> old         its successor signs
 *   old -> retired        the last mail that it has signed has left, and ROTATION_LINGER_US are over: receivers may
 * look at a message again (forwarding, a retry of theirs) retired -> gone       its record is out of DNS: by command,
 * or by the gateway where it publishes records itself */
#ifndef SENDOFF_DKIM_ROTATION_H
#define SENDOFF_DKIM_ROTATION_H

#include "base/directory/directory.h"

#define ROTATION_LINGER_US (INT64_C(7) * 86400 * 1000000)
#define ROTATION_SLACK_US                                                                                              \
  (INT64_C(600) * 1000000) /* loops may sign with a key so long after it got old, until they hear of it */
#define ROTATION_LEAST_US (INT64_C(86400) * 1000000) /* --rotate: no more often */

/* What DNS has of a key's record. */
enum key_service {
  KEY_SERVICE_UNKNOWN, /* not asked, or no answer that counts */
  KEY_SERVICE_MISSING, /* some server has not got it, or something else */
  KEY_SERVICE_WHOLE,   /* every server of the zone and the resolver have it, and a signature made with it verifies */
};

struct rotation_facts {
  const struct signing_key *key;
  enum key_service service; /* of a waiting key */
  bool mail_waits;          /* of an old key: mail that it has signed is queued, or it is not known */
  bool publishes;           /* of a retired key: the gateway takes its record out itself, and has done so */
  int64_t now_us;
};
/* The state that it is to have now: its own, or the next. */
enum key_state rotation_next(const struct rotation_facts *f);

/* When there is to be looked after it again. INT64_MAX: never by time alone. */
int64_t rotation_due_us(const struct signing_key *k, bool publishes);
/* From when on an old key will be retired, if nothing it has signed is queued now. */
int64_t rotation_retires_us(const struct signing_key *k);

/* Is a successor to be made by itself? The key is active, old enough, and nothing replaces it yet. */
bool rotation_is_due(const struct domain *d, const struct signing_key *k, int64_t now_us);
/* The key that replaces it; NULL. */
const struct signing_key *rotation_successor(const struct domain *d, const struct signing_key *k);

#endif

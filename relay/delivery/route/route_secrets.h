/* What routes log in with, by the id that the directory knows them by; delivery.h has its life. Immutable; any thread
 * may read one that it holds. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_ROUTE_SECRETS_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_ROUTE_SECRETS_H

#include "base/directory/directory.h"
#include "base/result.h"
#include "relay/delivery/delivery.h"

#define ROUTE_SECRET_MAX 8192 /* octets */

struct route_login {
  int64_t id, login; /* the route's */
  enum route_auth auth;
  char *user;
  struct buffer of[ROUTE_SECRET_COUNT]; /* by enum route_secret; empty: it has no such */
  /* ROUTE_AUTH_OAUTH2: */
  int64_t token_from_us, token_until_us; /* 0: there is no token */
  char *failure;                         /* of its renewal; "": none */
};
/* NULL: it has none (any more). Lives as long as the reference. */
const struct route_login *route_secrets_find(const struct route_secrets *s, int64_t id);

#endif

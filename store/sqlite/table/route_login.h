/* What routes log in with, and why a token could not be renewed: kept apart from the routes, by a number that stays as
 * long as the login does, also when the rest of its route is changed. The writer's or an admin's transaction. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_ROUTE_LOGIN_H
#define SENDOFF_STORE_SQLITE_TABLE_ROUTE_LOGIN_H

#include "base/directory/static_route.h"
#include "store/sqlite/sql.h"

struct route_secret_value {
  enum route_secret kind;
  struct bytes value;
  int64_t from_us, until_us; /* of ROUTE_ACCESS_TOKEN; of others they do not count */
};
/* In place of the one before. OK, E_IO, E_FULL. */
int route_login_put(struct sql *q, int64_t login, const struct route_secret_value *v);
int route_login_forget(struct sql *q, int64_t login);

#endif

/* Limits and check modes of the gateway, a domain or an account, inside of a transaction. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_ADMIN_ADMIN_SETTINGS_H
#define SENDOFF_STORE_SQLITE_ADMIN_ADMIN_SETTINGS_H

#include "store/sqlite/admin/admin_base.h"

#define STREAM_ANY (-1) /* stored: limits of all mail */

/* ACCOUNT_LIMITS, ACCOUNT_STREAM_LIMITS and ACCOUNT_MODES of `what`. */
int settings_write(struct admin *a, enum scope scope, const char *owner, unsigned what, const struct settings *from);
int settings_edit_limits(struct admin *a, enum scope scope, const char *owner, const struct list_edit *edit,
                         struct reason *why);
int settings_remove(struct admin *a, enum scope scope, const char *owner);

#endif

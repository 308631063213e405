/* What the files of the command line's side share. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_ADMIN_ADMIN_BASE_H
#define SENDOFF_STORE_SQLITE_ADMIN_ADMIN_BASE_H

#include "store/admin.h"
#include "store/sqlite/sql.h"

struct admin {
  struct sql q;
  char *data_dir;
};

int admin_begin(struct admin *a, struct reason *why); /* E_BUSY with a reason when the database stays locked */
/* Commits when rc is OK, raising the generation that `key` ("config", "queue"; NULL: none) names; rolls back otherwise.
 * When `rc` is an error without a reason yet (`why->text` empty), SQLite's are put in. Returns the outcome. */
int admin_end(struct admin *a, int rc, const char *key, struct reason *why);
/* E_NOT_FOUND with a reason unless the last statement changed a row. */
int admin_changed(struct admin *a, int rc, const char *what, const char *name, struct reason *why);

#endif

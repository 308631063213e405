/* The table of signing keys, as the command line and the daemon change it. Private to store/; inside a transaction. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_KEY_ROWS_H
#define SENDOFF_STORE_SQLITE_TABLE_KEY_ROWS_H

#include "base/directory/directory.h"
#include "store/sqlite/sql.h"

/* E_EXISTS: the domain has a key with that selector. */
int key_row_add(struct sql *q, const struct signing_key *k, struct bytes private_pem, int64_t now_us);

/* A key, by id; or when that is 0, by domain and selector. */
struct key_choice {
  int64_t id;
  const char *domain, *selector;
};
/* Moves the key from one state to another, with an event: `text` says why. The key that it replaces gets old when it
 * gets active, and what a stream had chosen follows. E_NOT_FOUND: it is not in that state (any more). */
int key_row_step(struct sql *q, const struct key_choice *key, enum key_state from, enum key_state to, const char *text,
                 int64_t now_us);

#endif

#include "store/sqlite/table/idempotency_ends.h"

#include "base/id.h"

#include <stdlib.h>
#include <string.h>

static struct bytes octets(const struct idempotency_key *key) {
  return (struct bytes){(const char *)key->octets, sizeof key->octets};
}

int idempotency_ends_add(struct sql *q, int64_t recipient_id) {
  sqlite3_stmt *s = sql_use(q, "INSERT OR IGNORE INTO idempotency_ends(id, address, key)"
                               " SELECT r.message_id, r.address, i.key FROM recipients r"
                               " JOIN idempotency i ON i.id = r.message_id WHERE r.id = ?");
  sql_bind_int(s, 1, recipient_id);
  return sql_run(s);
}

/* Marks it in `failed`; recipients are few, and repeats of what has failed are rare. */
static void mark(bool *failed, const struct recipient *recipients, size_t count, const char *address) {
  for (size_t i = 0; i < count; i++) failed[i] |= strcmp(recipients[i].address, address) == 0;
}

static int read_failed(struct sql *q, const struct idempotency_key *key, const struct recipient *recipients,
                       size_t count, bool *failed) {
  sqlite3_stmt *s = sql_use(q, "SELECT address FROM idempotency_ends WHERE key = ?");
  int rc;
  sql_bind_blob(s, 1, octets(key));
  while ((rc = sql_step(s)) == 1) mark(failed, recipients, count, sql_text(s, 0));
  return rc;
}

int idempotency_ends_find(struct sql *q, const struct idempotency_key *key, const struct recipient *recipients,
                          size_t count, size_t *open, bool **covered) {
  bool *which = calloc(count, sizeof *which);
  *open = 0;
  *covered = NULL;
  if (!which) return E_MEMORY;
  int rc = read_failed(q, key, recipients, count, which);
  for (size_t i = 0; i < count; i++) {
    *open += which[i];
    which[i] = !which[i];
  }
  if (rc == OK && *open && *open < count)
    *covered = which;
  else
    free(which);
  return rc;
}

int idempotency_ends_forget(struct sql *q, const struct idempotency_key *key) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM idempotency_ends WHERE key = ?");
  sql_bind_blob(s, 1, octets(key));
  return sql_run(s);
}

int idempotency_ends_purge(struct sql *q, int64_t window_us, int64_t now_us, int most, bool *more) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM idempotency_ends WHERE (id, address) IN"
                               " (SELECT id, address FROM idempotency_ends WHERE id < ? ORDER BY id LIMIT ?)");
  sql_bind_int(s, 1, id_floor(now_us - window_us));
  sql_bind_int(s, 2, most);
  int rc = sql_run(s);
  *more = rc == OK && sqlite3_changes(q->db) == most;
  return rc;
}

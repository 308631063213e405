#include "store/sqlite/table/idempotency_index.h"

#include "base/hash.h"
#include "base/id.h"

#include <stdlib.h>
#include <string.h>

struct entry {
  struct idempotency_key key;
  int64_t id, at_us;
  UT_hash_handle hh;
};

struct idempotency_index {
  struct sql *q;
  int64_t window_us;
  struct entry *entries; /* uthash keeps their order: the oldest is the first */
  bool loaded;
};

struct idempotency_index *idempotency_index_new(struct sql *q, int64_t window_us) {
  struct idempotency_index *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->q = q;
  r->window_us = window_us;
  return r;
}

void idempotency_index_forget(struct idempotency_index *r) {
  struct entry *e = r->entries;
  HASH_CLEAR(hh, r->entries); /* the entries stay linked */
  r->loaded = false;
  while (e) {
    struct entry *next = e->hh.next;
    free(e);
    e = next;
  }
}

void idempotency_index_free(struct idempotency_index **at) {
  struct idempotency_index *r = *at;
  *at = NULL;
  if (!r) return;
  idempotency_index_forget(r);
  free(r);
}

static void drop_oldest(struct idempotency_index *r, int64_t now_us) {
  struct entry *e = r->entries;
  while (e && (e->at_us + r->window_us <= now_us || HASH_COUNT(r->entries) >= IDEMPOTENCY_INDEX_MAX)) {
    HASH_DEL(r->entries, e);
    free(e);
    e = r->entries;
  }
}

static int remember(struct idempotency_index *r, const struct idempotency_key *key, int64_t id, int64_t at_us) {
  struct entry *e;
  HASH_FIND(hh, r->entries, key, sizeof *key, e);
  if (e) { /* an older one, out of its window but not yet dropped: the new one counts */
    HASH_DEL(r->entries, e);
    free(e);
  }
  e = calloc(1, sizeof *e);
  if (!e) return E_MEMORY;
  *e = (struct entry){.key = *key, .id = id, .at_us = at_us};
  HASH_ADD(hh, r->entries, key, sizeof e->key, e);
  if (e->hh.tbl) return OK;
  free(e);
  return E_MEMORY;
}

/* The newest IDEMPOTENCY_INDEX_MAX, oldest first. */
static int load(struct idempotency_index *r, int64_t now_us) {
  sqlite3_stmt *s = sql_use(r->q, "SELECT id, key FROM (SELECT id, key FROM idempotency WHERE id >= ?"
                                  " ORDER BY id DESC LIMIT ?) ORDER BY id");
  sql_bind_int(s, 1, id_floor(now_us - r->window_us));
  sql_bind_int(s, 2, IDEMPOTENCY_INDEX_MAX - 1);
  int rc;
  while ((rc = sql_step(s)) == 1) {
    int64_t id = sqlite3_column_int64(s, 0);
    struct bytes b = sql_blob(s, 1);
    struct idempotency_key key;
    if (b.len != sizeof key) continue;
    memcpy(&key, b.at, sizeof key);
    int added = remember(r, &key, id, id_time_us(id));
    if (added == OK) continue;
    sqlite3_reset(s);
    idempotency_index_forget(r);
    return added;
  }
  r->loaded = rc == OK;
  return rc;
}

int idempotency_index_find(struct idempotency_index *r, const struct idempotency_key *key, int64_t now_us,
                           int64_t *id) {
  *id = 0;
  if (!r->window_us) return OK;
  int rc = r->loaded ? OK : load(r, now_us);
  if (rc != OK) return rc;
  struct entry *e;
  HASH_FIND(hh, r->entries, key, sizeof *key, e);
  if (e && e->at_us + r->window_us > now_us) *id = e->id;
  return OK;
}

int idempotency_index_add(struct idempotency_index *r, const struct idempotency_key *key, int64_t id, int64_t now_us) {
  if (!r->window_us) return OK;
  sqlite3_stmt *s = sql_use(r->q, "INSERT INTO idempotency(id, key) VALUES (?,?)");
  sql_bind_int(s, 1, id);
  sql_bind_blob(s, 2, (struct bytes){(const char *)key->octets, sizeof key->octets});
  int rc = sql_run(s);
  if (rc != OK || !r->loaded) return rc;
  drop_oldest(r, now_us);
  return remember(r, key, id, now_us);
}

int idempotency_index_purge(struct sql *q, int64_t window_us, int64_t now_us, int most, bool *more) {
  sqlite3_stmt *s =
      sql_use(q, "DELETE FROM idempotency WHERE id IN (SELECT id FROM idempotency WHERE id < ? ORDER BY id LIMIT ?)");
  sql_bind_int(s, 1, id_floor(now_us - window_us));
  sql_bind_int(s, 2, most);
  int rc = sql_run(s);
  *more = rc == OK && sqlite3_changes(q->db) == most;
  return rc;
}

#include "store/sqlite/recent.h"

#include "base/hash.h"
#include "base/id.h"

#include <stdlib.h>
#include <string.h>

struct entry {
  struct submission_digest digest;
  int64_t id, at_us;
  UT_hash_handle hh;
};

struct recent {
  struct sql *q;
  int64_t window_us;
  struct entry *entries; /* uthash keeps their order: the oldest is the first */
  bool loaded;
};

struct recent *recent_new(struct sql *q, int64_t window_us) {
  struct recent *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->q = q;
  r->window_us = window_us;
  return r;
}

void recent_forget(struct recent *r) {
  struct entry *e = r->entries;
  HASH_CLEAR(hh, r->entries); /* the entries stay linked */
  r->loaded = false;
  while (e) {
    struct entry *next = e->hh.next;
    free(e);
    e = next;
  }
}

void recent_free(struct recent **at) {
  struct recent *r = *at;
  *at = NULL;
  if (!r) return;
  recent_forget(r);
  free(r);
}

static void drop_oldest(struct recent *r, int64_t now_us) {
  struct entry *e = r->entries;
  while (e && (e->at_us + r->window_us <= now_us || HASH_COUNT(r->entries) >= RECENT_MAX)) {
    HASH_DEL(r->entries, e);
    free(e);
    e = r->entries;
  }
}

static int remember(struct recent *r, const struct submission_digest *digest, int64_t id, int64_t at_us) {
  struct entry *e;
  HASH_FIND(hh, r->entries, digest, sizeof *digest, e);
  if (e) { /* an older one, out of its window but not yet dropped: the new one counts */
    HASH_DEL(r->entries, e);
    free(e);
  }
  e = calloc(1, sizeof *e);
  if (!e) return E_MEMORY;
  *e = (struct entry){.digest = *digest, .id = id, .at_us = at_us};
  HASH_ADD(hh, r->entries, digest, sizeof e->digest, e);
  if (e->hh.tbl) return OK;
  free(e);
  return E_MEMORY;
}

/* The newest RECENT_MAX, oldest first. */
static int load(struct recent *r, int64_t now_us) {
  sqlite3_stmt *s = sql_use(r->q, "SELECT id, digest FROM (SELECT id, digest FROM submissions WHERE id >= ?"
                                  " ORDER BY id DESC LIMIT ?) ORDER BY id");
  sql_bind_int(s, 1, id_floor(now_us - r->window_us));
  sql_bind_int(s, 2, RECENT_MAX - 1);
  int rc;
  while ((rc = sql_step(s)) == 1) {
    int64_t id = sqlite3_column_int64(s, 0);
    struct bytes b = sql_blob(s, 1);
    struct submission_digest digest;
    if (b.len != sizeof digest) continue;
    memcpy(&digest, b.at, sizeof digest);
    int added = remember(r, &digest, id, id_time_us(id));
    if (added == OK) continue;
    sqlite3_reset(s);
    recent_forget(r);
    return added;
  }
  r->loaded = rc == OK;
  return rc;
}

int recent_find(struct recent *r, const struct submission_digest *digest, int64_t now_us, int64_t *id) {
  *id = 0;
  if (!r->window_us) return OK;
  int rc = r->loaded ? OK : load(r, now_us);
  if (rc != OK) return rc;
  struct entry *e;
  HASH_FIND(hh, r->entries, digest, sizeof *digest, e);
  if (e && e->at_us + r->window_us > now_us) *id = e->id;
  return OK;
}

int recent_add(struct recent *r, const struct submission_digest *digest, int64_t id, int64_t now_us) {
  if (!r->window_us) return OK;
  sqlite3_stmt *s = sql_use(r->q, "INSERT INTO submissions(id, digest) VALUES (?,?)");
  sql_bind_int(s, 1, id);
  sql_bind_blob(s, 2, (struct bytes){(const char *)digest->octets, sizeof digest->octets});
  int rc = sql_run(s);
  if (rc != OK || !r->loaded) return rc;
  drop_oldest(r, now_us);
  return remember(r, digest, id, now_us);
}

int recent_purge(struct sql *q, int64_t window_us, int64_t now_us, int most, bool *more) {
  sqlite3_stmt *s =
      sql_use(q, "DELETE FROM submissions WHERE id IN (SELECT id FROM submissions WHERE id < ? ORDER BY id LIMIT ?)");
  sql_bind_int(s, 1, id_floor(now_us - window_us));
  sql_bind_int(s, 2, most);
  int rc = sql_run(s);
  *more = rc == OK && sqlite3_changes(q->db) == most;
  return rc;
}

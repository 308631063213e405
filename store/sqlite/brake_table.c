#include "store/sqlite/brake_table.h"

#include "base/address.h"
#include "base/hash.h"
#include "base/siphash.h"
#include "store/sqlite/brake_prints.h"
#include "store/sqlite/brake_row.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 8192                   /* of three kilobytes, and their sets */
#define SETS_OCTETS_MAX ((size_t)64 << 20) /* of all sets in memory */
#define PRINTS_ALL_MAX ((uint64_t)1 << 24) /* on the disk, of all accounts; beyond, each keeps its share */
#define DAY_US (86400 * SECOND_US)

struct entry {
  struct brake brake;
  struct brake_prints prints;
  bool dirty;
  struct entry *next_dirty;
  UT_hash_handle hh;
  char account[];
};

struct brake_table {
  struct sql *q;
  struct siphash_key key;
  bool key_known;
  struct entry *entries;
  struct entry *dirty, *written; /* changed since it was written; written since it was published. By next_dirty */
  size_t set_octets;             /* of all sets */
  uint64_t prints, accounts;     /* on the disk, as they were counted; what a rollback took back is still in it */
  bool counted;
};

struct brake_table *brake_table_new(struct sql *q) {
  struct brake_table *t = calloc(1, sizeof *t);
  if (t) t->q = q;
  return t;
}

void brake_table_forget(struct brake_table *t) {
  struct entry *e = t->entries;
  HASH_CLEAR(hh, t->entries); /* the entries stay linked */
  while (e) {
    struct entry *next = e->hh.next;
    brake_prints_free(&e->prints);
    free(e);
    e = next;
  }
  t->dirty = t->written = NULL;
  t->set_octets = 0;
}

void brake_table_free(struct brake_table **at) {
  struct brake_table *t = *at;
  *at = NULL;
  if (!t) return;
  brake_table_forget(t);
  wipe(&t->key, sizeof t->key);
  free(t);
}

/* --- entries --- */

static int add_entry(struct brake_table *t, const char *account, struct entry **out) {
  size_t size = strlen(account) + 1;
  struct entry *e = calloc(1, sizeof *e + size);
  if (!e) return E_MEMORY;
  memcpy(e->account, account, size);
  int rc = brake_row_read(t->q, account, &e->brake, &e->prints.stored);
  if (rc == OK) HASH_ADD_STR(t->entries, account, e);
  if (rc == OK && !e->hh.tbl) rc = E_MEMORY;
  if (rc != OK) free(e);
  *out = rc == OK ? e : NULL;
  return rc;
}

static int find(struct brake_table *t, const char *account, struct entry **out) {
  bool full = HASH_COUNT(t->entries) >= ENTRIES_MAX || t->set_octets > SETS_OCTETS_MAX;
  if (full && !t->dirty) brake_table_forget(t);
  HASH_FIND_STR(t->entries, account, *out);
  return *out ? OK : add_entry(t, account, out);
}

static void touch(struct brake_table *t, struct entry *e) {
  if (e->dirty) return;
  e->dirty = true;
  e->next_dirty = t->dirty;
  t->dirty = e;
}

int brake_table_change(struct brake_table *t, const char *account, struct brake **out) {
  struct entry *e;
  int rc = find(t, account, &e);
  *out = rc == OK ? &e->brake : NULL;
  if (rc == OK) touch(t, e);
  return rc;
}

int brake_table_change_known(struct brake_table *t, const char *account, struct brake **out) {
  struct entry *e;
  int rc = find(t, account, &e);
  bool known = rc == OK && e->brake.began_us;
  *out = known ? &e->brake : NULL;
  if (known) touch(t, e);
  return rc;
}

/* --- recipients --- */

static int read_key(struct brake_table *t) {
  if (t->key_known) return OK;
  sqlite3_stmt *s = sql_use(t->q, "SELECT value FROM secrets WHERE name = 'brake'");
  int rc = sql_step(s);
  if (rc != 1) return rc == OK ? E_IO : rc;
  struct bytes value = sql_blob(s, 0);
  t->key_known = value.len == sizeof t->key.octets;
  if (t->key_known) memcpy(t->key.octets, value.at, sizeof t->key.octets);
  sqlite3_reset(s);
  return t->key_known ? OK : E_IO;
}

static uint32_t print_of(const struct brake_table *t, const char *address) {
  char key[ADDRESS_KEY];
  bool has_key = address_key(bytes_of(address), key) == OK; /* a literal's domain, "postmaster": as it is */
  uint32_t print = (uint32_t)siphash(&t->key, bytes_of(has_key ? key : address));
  return print ? print : 1;
}

static int count_all(struct brake_table *t) {
  sqlite3_stmt *s = sql_use(t->q, "SELECT coalesce(sum(prints), 0), count(*) FROM brake");
  int rc = sql_step(s);
  if (rc != 1) return rc;
  t->prints = (uint64_t)sqlite3_column_int64(s, 0);
  t->accounts = (uint64_t)sqlite3_column_int64(s, 1);
  t->counted = true;
  sqlite3_reset(s);
  return OK;
}

/* How many an account may have: fewer, when all together have too many. */
static int most_of_each(struct brake_table *t, uint64_t *out) {
  int rc = t->counted && t->prints < PRINTS_ALL_MAX ? OK : count_all(t);
  uint64_t share = t->accounts ? PRINTS_ALL_MAX / t->accounts : BRAKE_PRINTS_MAX;
  if (share < BRAKE_PRINTS_FEW) share = BRAKE_PRINTS_FEW;
  *out = t->prints < PRINTS_ALL_MAX || share > BRAKE_PRINTS_MAX ? BRAKE_PRINTS_MAX : share;
  return rc;
}

int brake_table_note(struct brake_table *t, const char *account, const char *address, int64_t now_us, bool *first) {
  struct entry *e;
  uint64_t most;
  *first = false;
  int rc = find(t, account, &e);
  if (rc == OK) rc = read_key(t);
  if (rc == OK) rc = most_of_each(t, &most);
  if (rc != OK) return rc;
  uint64_t stored = e->prints.stored;
  t->set_octets -= brake_set_octets(&e->prints.set);
  touch(t, e);
  rc = brake_prints_add(t->q, &e->prints, account, print_of(t, address), now_us / DAY_US, most, first);
  t->set_octets += brake_set_octets(&e->prints.set);
  t->prints += e->prints.stored - stored; /* less, when it was trimmed: modulo 2^64 */
  return rc;
}

/* --- the transaction's end --- */

int brake_table_write(struct brake_table *t) {
  while (t->dirty) {
    struct entry *e = t->dirty;
    int rc = brake_prints_write(t->q, &e->prints, e->account);
    if (rc == OK) rc = brake_row_write(t->q, e->account, &e->brake, e->prints.stored);
    if (rc != OK) return rc;
    t->dirty = e->next_dirty;
    e->dirty = false;
    e->next_dirty = t->written;
    t->written = e;
  }
  return OK;
}

void brake_table_publish(struct brake_table *t, struct brake_view *view) {
  for (; t->written; t->written = t->written->next_dirty) {
    const struct brake *b = &t->written->brake;
    brake_view_put(view, t->written->account, &(struct brake_status){b->step, b->mode, b->since_us});
  }
}

#include "store/sqlite/table/brake_table.h"

#include "base/address/address.h"
#include "base/siphash.h"
#include "store/sqlite/table/brake_prints.h"
#include "store/sqlite/table/brake_row.h"
#include "store/sqlite/table/kept_rows.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 8192                   /* of three kilobytes, and their sets */
#define SETS_OCTETS_MAX ((size_t)64 << 20) /* of all sets in memory */
#define PRINTS_ALL_MAX ((uint64_t)1 << 24) /* on the disk, of all accounts; beyond, each keeps its share */
#define RECOUNT_EVERY 10000                /* to count them takes time that grows with the number of accounts */
#define DAY_US (86400 * SECOND_US)

struct entry {
  struct kept_row row; /* by account; first */
  struct brake brake;
  struct brake_prints prints;
  char account[];
};

struct brake_table {
  struct sql *q;
  struct siphash_key key;
  bool key_known;
  struct kept_rows rows;
  size_t set_octets;         /* of all sets */
  uint64_t prints, accounts; /* on the disk, as they were counted; what a rollback took back is still in it */
  unsigned recount_in;       /* notes until they are counted again, as long as there are too many; 0: now */
};

struct brake_table *brake_table_new(struct sql *q) {
  struct brake_table *t = calloc(1, sizeof *t);
  if (t) t->q = q;
  return t;
}

static void release(struct kept_row *row) {
  struct entry *e = (struct entry *)row;
  brake_prints_free(&e->prints);
  free(e);
}

void brake_table_forget(struct brake_table *t) {
  kept_rows_forget(&t->rows, release);
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
  e->row.key = memcpy(e->account, account, size);
  int rc = brake_row_read(t->q, account, &e->brake, &e->prints.stored);
  if (rc == OK) rc = kept_rows_add(&t->rows, &e->row);
  if (rc != OK) free(e);
  *out = rc == OK ? e : NULL;
  return rc;
}

static int find(struct brake_table *t, const char *account, struct entry **out) {
  bool full = kept_rows_count(&t->rows) >= ENTRIES_MAX || t->set_octets > SETS_OCTETS_MAX;
  if (full && !t->rows.dirty) brake_table_forget(t);
  *out = (struct entry *)kept_rows_find(&t->rows, account);
  return *out ? OK : add_entry(t, account, out);
}

int brake_table_change(struct brake_table *t, const char *account, struct brake **out) {
  struct entry *e;
  int rc = find(t, account, &e);
  *out = rc == OK ? &e->brake : NULL;
  if (rc == OK) kept_rows_touch(&t->rows, &e->row);
  return rc;
}

int brake_table_change_known(struct brake_table *t, const char *account, struct brake **out) {
  struct entry *e;
  int rc = find(t, account, &e);
  bool known = rc == OK && e->brake.began_us;
  *out = known ? &e->brake : NULL;
  if (known) kept_rows_touch(&t->rows, &e->row);
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
  t->recount_in = RECOUNT_EVERY;
  sqlite3_reset(s);
  return OK;
}

/* How many an account may have: fewer, when all together have too many. */
static int most_of_each(struct brake_table *t, uint64_t *out) {
  if (t->prints >= PRINTS_ALL_MAX && t->recount_in) t->recount_in--;
  int rc = t->recount_in ? OK : count_all(t);
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
  kept_rows_touch(&t->rows, &e->row);
  rc = brake_prints_add(t->q, &e->prints, account, print_of(t, address), now_us / DAY_US, most, first);
  t->set_octets += brake_set_octets(&e->prints.set);
  t->prints += e->prints.stored - stored; /* less, when it was trimmed: modulo 2^64 */
  return rc;
}

/* --- the transaction's end --- */

static int write_entry(struct sql *q, struct kept_row *row) {
  struct entry *e = (struct entry *)row;
  int rc = brake_prints_write(q, &e->prints, e->account);
  return rc == OK ? brake_row_write(q, e->account, &e->brake, e->prints.stored) : rc;
}

int brake_table_write(struct brake_table *t) {
  return kept_rows_write(&t->rows, t->q, write_entry);
}

void brake_table_publish(struct brake_table *t, struct brake_view *view) {
  for (struct kept_row *row; (row = kept_rows_take_written(&t->rows));) {
    const struct entry *e = (struct entry *)row;
    brake_view_put(view, e->account, &(struct brake_status){e->brake.step, e->brake.mode, e->brake.since_us});
  }
}

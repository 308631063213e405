#include "store/sqlite/usage_table.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 50000
#define USAGE_COLUMN_COUNT (4 * WINDOW_COUNT + 4)
#define USAGE_COLUMNS                                                                                                  \
  "second_start, second_messages, second_recipients, second_octets,"                                                   \
  " minute_start, minute_messages, minute_recipients, minute_octets,"                                                  \
  " hour_start, hour_messages, hour_recipients, hour_octets,"                                                          \
  " day_start, day_messages, day_recipients, day_octets,"                                                              \
  " month_start, month_messages, month_recipients, month_octets,"                                                      \
  " total_messages, total_recipients, total_octets, smooth_next_us"

struct entry {
  struct usage usage;
  bool dirty;
  struct entry *next_dirty;
  UT_hash_handle hh;
  char account[];
};

struct usage_table {
  struct sql *q;
  struct entry *entries;
  struct entry *dirty, *written; /* changed since it was written; written since it was published. By next_dirty */
};

struct usage_table *usage_table_new(struct sql *q) {
  struct usage_table *t = calloc(1, sizeof *t);
  if (t) t->q = q;
  return t;
}

void usage_table_forget(struct usage_table *t) {
  struct entry *e = t->entries;
  HASH_CLEAR(hh, t->entries); /* the entries stay linked */
  t->dirty = t->written = NULL;
  while (e) {
    struct entry *next = e->hh.next;
    free(e);
    e = next;
  }
}

void usage_table_free(struct usage_table **at) {
  struct usage_table *t = *at;
  *at = NULL;
  if (!t) return;
  usage_table_forget(t);
  free(t);
}

static void read_row(sqlite3_stmt *s, struct usage *out) {
  for (int w = 0; w < WINDOW_COUNT; w++) {
    struct usage_window *u = &out->window[w];
    u->start_us = sqlite3_column_int64(s, 4 * w);
    u->messages = (uint64_t)sqlite3_column_int64(s, 4 * w + 1);
    u->recipients = (uint64_t)sqlite3_column_int64(s, 4 * w + 2);
    u->octets = (uint64_t)sqlite3_column_int64(s, 4 * w + 3);
  }
  out->total_messages = (uint64_t)sqlite3_column_int64(s, 4 * WINDOW_COUNT);
  out->total_recipients = (uint64_t)sqlite3_column_int64(s, 4 * WINDOW_COUNT + 1);
  out->total_octets = (uint64_t)sqlite3_column_int64(s, 4 * WINDOW_COUNT + 2);
  out->smooth_next_us = sqlite3_column_int64(s, 4 * WINDOW_COUNT + 3);
}

int usage_read(struct sql *q, const char *account, struct usage *out) {
  memset(out, 0, sizeof *out);
  sqlite3_stmt *s = sql_use(q, "SELECT " USAGE_COLUMNS " FROM usage WHERE account = ?");
  sql_bind_text(s, 1, account);
  int rc = sql_step(s);
  if (rc != 1) return rc;
  read_row(s, out);
  sqlite3_reset(s);
  return OK;
}

/* Reads the account's row into a new entry. NULL: it could not be read, or there is no memory. */
static struct entry *add_entry(struct usage_table *t, const char *account) {
  size_t size = strlen(account) + 1;
  struct entry *e = calloc(1, sizeof *e + size);
  if (!e) return NULL;
  memcpy(e->account, account, size);
  if (usage_read(t->q, account, &e->usage) == OK) HASH_ADD_STR(t->entries, account, e);
  if (e->hh.tbl) return e;
  free(e);
  return NULL;
}

struct usage *usage_table_get(struct usage_table *t, const char *account, int64_t now_us) {
  struct entry *e;
  HASH_FIND_STR(t->entries, account, e);
  if (!e && HASH_COUNT(t->entries) >= ENTRIES_MAX && !t->dirty) usage_table_forget(t);
  if (!e) e = add_entry(t, account);
  if (!e) return NULL;
  usage_roll(&e->usage, now_us);
  return &e->usage;
}

void usage_table_touch(struct usage_table *t, const char *account) {
  struct entry *e;
  HASH_FIND_STR(t->entries, account, e);
  if (!e || e->dirty) return;
  e->dirty = true;
  e->next_dirty = t->dirty;
  t->dirty = e;
}

static int write_entry(struct sql *q, const struct entry *e) {
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO usage(account, " USAGE_COLUMNS ")"
                               " VALUES (?, ?,?,?,?, ?,?,?,?, ?,?,?,?, ?,?,?,?, ?,?,?,?, ?,?,?,?)");
  sql_bind_text(s, 1, e->account);
  for (int w = 0; w < WINDOW_COUNT; w++) {
    const struct usage_window *u = &e->usage.window[w];
    sql_bind_int(s, 4 * w + 2, u->start_us);
    sql_bind_int(s, 4 * w + 3, (int64_t)u->messages);
    sql_bind_int(s, 4 * w + 4, (int64_t)u->recipients);
    sql_bind_int(s, 4 * w + 5, (int64_t)u->octets);
  }
  sql_bind_int(s, 4 * WINDOW_COUNT + 2, (int64_t)e->usage.total_messages);
  sql_bind_int(s, 4 * WINDOW_COUNT + 3, (int64_t)e->usage.total_recipients);
  sql_bind_int(s, 4 * WINDOW_COUNT + 4, (int64_t)e->usage.total_octets);
  sql_bind_int(s, 4 * WINDOW_COUNT + 5, e->usage.smooth_next_us);
  return sql_run(s);
}

int usage_table_write(struct usage_table *t) {
  while (t->dirty) {
    struct entry *e = t->dirty;
    int rc = write_entry(t->q, e);
    if (rc != OK) return rc;
    t->dirty = e->next_dirty;
    e->dirty = false;
    e->next_dirty = t->written;
    t->written = e;
  }
  return OK;
}

void usage_table_publish(struct usage_table *t, struct usage_view *view) {
  int64_t now = clock_now_us();
  for (; t->written; t->written = t->written->next_dirty)
    usage_view_put(view, t->written->account, &t->written->usage, now);
}

int usage_read_all(struct sql *q, struct usage_view *view) {
  sqlite3_stmt *s = sql_use(q, "SELECT " USAGE_COLUMNS ", account FROM usage LIMIT ?");
  int64_t now = clock_now_us();
  sql_bind_int(s, 1, USAGE_VIEW_MAX);
  int rc;
  while ((rc = sql_step(s)) == 1) {
    struct usage u;
    read_row(s, &u);
    usage_view_put(view, sql_text(s, USAGE_COLUMN_COUNT), &u, now);
  }
  return rc;
}

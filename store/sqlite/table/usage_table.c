#include "store/sqlite/table/usage_table.h"

#include "store/sqlite/table/kept_rows.h"
#include "store/sqlite/table/rolling_text.h"

#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 8192 /* of two kilobytes */
#define USAGE_COLUMNS                                                                                                  \
  "total_messages, total_recipients, total_octets, smooth_next_us, zone, warned, hour_warned_us,"                      \
  " day_start_us, day_end_us, day_messages, day_recipients, day_octets,"                                               \
  " month_start_us, month_end_us, month_messages, month_recipients, month_octets, rolling"
enum column {
  COLUMN_TOTAL,
  COLUMN_SMOOTH = COLUMN_TOTAL + 3,
  COLUMN_ZONE,
  COLUMN_WARNED,
  COLUMN_HOUR_WARNED,
  COLUMN_CALENDAR,
  COLUMN_ROLLING = COLUMN_CALENDAR + 5 * USAGE_CALENDAR,
  COLUMN_COUNT
};

struct entry {
  struct kept_row row; /* by owner; first */
  struct usage usage;
  enum scope scope;
  char owner[];
};

struct usage_table {
  struct sql *q;
  struct kept_rows rows[SCOPE_COUNT];
};

struct usage_table *usage_table_new(struct sql *q) {
  struct usage_table *t = calloc(1, sizeof *t);
  if (t) t->q = q;
  return t;
}

static void release(struct kept_row *row) {
  free(row);
}

void usage_table_forget(struct usage_table *t) {
  for (enum scope scope = 0; scope < SCOPE_COUNT; scope++) kept_rows_forget(&t->rows[scope], release);
}

void usage_table_free(struct usage_table **at) {
  struct usage_table *t = *at;
  *at = NULL;
  if (!t) return;
  usage_table_forget(t);
  free(t);
}

static void make_room(struct usage_table *t) {
  size_t count = 0;
  for (enum scope scope = 0; scope < SCOPE_COUNT; scope++) {
    if (t->rows[scope].dirty) return;
    count += kept_rows_count(&t->rows[scope]);
  }
  if (count >= ENTRIES_MAX) usage_table_forget(t);
}

/* --- rows --- */

static void read_tally(sqlite3_stmt *s, int column, struct tally *out) {
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++)
    out->of[unit] = (uint64_t)sqlite3_column_int64(s, column + unit);
}

static void bind_tally(sqlite3_stmt *s, int at, const struct tally *t) {
  for (int unit = LIMIT_MESSAGES; unit <= LIMIT_OCTETS; unit++) sql_bind_int(s, at + unit, (int64_t)t->of[unit]);
}

static int read_row(sqlite3_stmt *s, struct usage *out) {
  read_tally(s, COLUMN_TOTAL, &out->total);
  out->smooth_next_us = sqlite3_column_int64(s, COLUMN_SMOOTH);
  out->zone = sqlite3_column_int64(s, COLUMN_ZONE);
  out->warned = (uint64_t)sqlite3_column_int64(s, COLUMN_WARNED);
  out->hour_warned_us = sqlite3_column_int64(s, COLUMN_HOUR_WARNED);
  for (int i = 0; i < USAGE_CALENDAR; i++) {
    int column = COLUMN_CALENDAR + 5 * i;
    out->calendar[i].start_us = sqlite3_column_int64(s, column);
    out->calendar[i].end_us = sqlite3_column_int64(s, column + 1);
    read_tally(s, column + 2, &out->calendar[i].used);
  }
  return rolling_text_read(sql_text(s, COLUMN_ROLLING), out->rolling) == OK ? OK : E_IO; /* the store is damaged */
}

int usage_read(struct sql *q, enum scope scope, const char *owner, struct usage *out) {
  memset(out, 0, sizeof *out);
  sqlite3_stmt *s = sql_use(q, "SELECT " USAGE_COLUMNS " FROM usage_counts WHERE scope = ? AND owner = ?");
  sql_bind_int(s, 1, scope);
  sql_bind_text(s, 2, owner);
  int rc = sql_step(s);
  if (rc != 1) return rc;
  rc = read_row(s, out);
  sqlite3_reset(s);
  return rc;
}

int usage_read_all(struct sql *q, struct usage_view *view) {
  sqlite3_stmt *s = sql_use(q, "SELECT " USAGE_COLUMNS ", scope, owner FROM usage_counts LIMIT ?");
  int64_t now = clock_now_us();
  sql_bind_int(s, 1, USAGE_VIEW_MAX);
  int rc;
  while ((rc = sql_step(s)) == 1) {
    struct usage u;
    int64_t scope = sqlite3_column_int64(s, COLUMN_COUNT);
    if (read_row(s, &u) == OK && scope >= 0 && scope < SCOPE_COUNT)
      usage_view_put(view, (enum scope)scope, sql_text(s, COLUMN_COUNT + 1), &u, now);
  }
  return rc;
}

static int write_entry(struct sql *q, struct kept_row *row) {
  const struct entry *e = (struct entry *)row;
  const struct usage *u = &e->usage;
  char rolling[ROLLING_TEXT_MAX];
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO usage_counts(" USAGE_COLUMNS ", scope, owner)"
                               " VALUES (?,?,?, ?,?,?,?, ?,?,?,?,?, ?,?,?,?,?, ?, ?,?)");
  bind_tally(s, COLUMN_TOTAL + 1, &u->total);
  sql_bind_int(s, COLUMN_SMOOTH + 1, u->smooth_next_us);
  sql_bind_int(s, COLUMN_ZONE + 1, u->zone);
  sql_bind_int(s, COLUMN_WARNED + 1, (int64_t)u->warned);
  sql_bind_int(s, COLUMN_HOUR_WARNED + 1, u->hour_warned_us);
  for (int i = 0; i < USAGE_CALENDAR; i++) {
    int at = COLUMN_CALENDAR + 5 * i + 1;
    sql_bind_int(s, at, u->calendar[i].start_us);
    sql_bind_int(s, at + 1, u->calendar[i].end_us);
    bind_tally(s, at + 2, &u->calendar[i].used);
  }
  rolling_text_write(u->rolling, rolling);
  sql_bind_text(s, COLUMN_ROLLING + 1, rolling);
  sql_bind_int(s, COLUMN_COUNT + 1, e->scope);
  sql_bind_text(s, COLUMN_COUNT + 2, e->owner);
  return sql_run(s);
}

/* --- entries --- */

/* Reads the owner's row into a new entry. */
static int add_entry(struct usage_table *t, enum scope scope, const char *owner, struct kept_row **out) {
  size_t size = strlen(owner) + 1;
  struct entry *e = calloc(1, sizeof *e + size);
  if (!e) return E_MEMORY;
  e->scope = scope;
  e->row.key = memcpy(e->owner, owner, size);
  int rc = usage_read(t->q, scope, owner, &e->usage);
  if (rc == OK) rc = kept_rows_add(&t->rows[scope], &e->row);
  if (rc != OK) free(e);
  *out = rc == OK ? &e->row : NULL;
  return rc;
}

int usage_table_get(struct usage_table *t, const struct usage_scope *scopes, size_t count, int64_t now_us,
                    struct usage *out[USAGE_SCOPES_MAX]) {
  int rc = OK;
  make_room(t);
  for (size_t i = 0; rc == OK && i < count; i++) {
    const struct usage_scope *s = &scopes[i];
    struct kept_row *row = kept_rows_find(&t->rows[s->scope], s->owner);
    if (!row) rc = add_entry(t, s->scope, s->owner, &row);
    if (rc != OK) break;
    out[i] = &((struct entry *)row)->usage;
    usage_roll(out[i], now_us, s->zone);
  }
  return rc;
}

void usage_table_touch(struct usage_table *t, struct usage *u) {
  struct entry *e = (struct entry *)((char *)u - offsetof(struct entry, usage));
  kept_rows_touch(&t->rows[e->scope], &e->row);
}

int usage_table_write(struct usage_table *t) {
  int rc = OK;
  for (enum scope scope = 0; rc == OK && scope < SCOPE_COUNT; scope++)
    rc = kept_rows_write(&t->rows[scope], t->q, write_entry);
  return rc;
}

void usage_table_publish(struct usage_table *t, struct usage_view *view) {
  int64_t now = clock_now_us();
  for (enum scope scope = 0; scope < SCOPE_COUNT; scope++)
    for (struct kept_row *row; (row = kept_rows_take_written(&t->rows[scope]));)
      usage_view_put(view, scope, row->key, &((struct entry *)row)->usage, now);
}

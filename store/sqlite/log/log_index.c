#include "store/sqlite/log/log_index.h"

#include "base/clock.h"
#include "base/id.h"
#include "store/sqlite/log/log_rows.h"

#include <stdlib.h>
#include <string.h>

#define ROW (LOG_BLOCKS / 8) /* octets of bits */
#define PAGE_ROWS 248        /* rows of bits in a row of the table, which fills a page of the database */
#define PAGE (PAGE_ROWS * ROW)
#define PAGES (LOG_TERMS / PAGE_ROWS)
#define BLOCKS_AT 63 /* behind them: the first id of each block */
#define IDS_OF(part) ((int64_t)(part)*64)

/* What has just come waits: a command may still be about to commit an id of the same time. */
#define SETTLE_US (2 * SECOND_US)
#define EVENT_OCTETS 210 /* of an event beside its texts: row, indexes, this index */
#define KNOWN 1024       /* messages whose subject is at hand; a power of two */
#define PURGE_PARTS 4

struct log_index {
  unsigned char bits[LOG_TERMS][ROW];
  int64_t blocks[LOG_BLOCKS], last;
  size_t events;
  uint64_t octets;
  bool late;             /* of events that are listed in log_late */
  int64_t ids[LOG_PART]; /* of the events that are read */
  struct log_terms terms;
  struct log_message known[KNOWN];
};

struct log_index *log_index_new(void) {
  return calloc(1, sizeof(struct log_index));
}

void log_index_free(struct log_index **at) {
  free(*at);
  *at = NULL;
}

void log_index_forget(struct log_index *i) {
  memset(i->bits, 0, sizeof i->bits);
  i->events = 0;
  i->last = 0;
  i->octets = 0;
  i->late = false;
}

/* --- reading what has come --- */

static int put_message(struct log_index *i, struct sql *q, struct event *e) {
  struct log_message *m = &i->known[(uint64_t)e->message_id * UINT64_C(0x9e3779b97f4a7c15) >> 54];
  if (!e->message_id || e->kind == EVENT_ACCEPTED) return OK;
  int rc = m->known && m->id == e->message_id ? OK : log_message_read(q, e->message_id, m);
  if (rc == OK) log_message_put(m, e);
  return rc;
}

static uint64_t octets_of(const struct event *e) {
  return EVENT_OCTETS + strlen(e->from) + strlen(e->to) + strlen(e->text) + strlen(e->host) + strlen(e->verdict) +
         strlen(e->numbers) + 2 * strlen(e->account) + strlen(e->subject) + strlen(e->header_id);
}

static int add_event(struct log_index *i, struct sql *q, struct event *e) {
  size_t block = i->events / LOG_BLOCK;
  unsigned char mask = (unsigned char)(1u << block % 8);
  i->octets += octets_of(e);
  int rc = put_message(i, q, e);
  if (rc != OK) return rc;
  log_terms_of_event(e, &i->terms);
  for (size_t n = 0; n < i->terms.count; n++) i->bits[i->terms.all[n]][block / 8] |= mask;
  if (i->events % LOG_BLOCK == 0) i->blocks[block] = e->id;
  i->ids[i->events++] = i->last = e->id;
  return OK;
}

_Static_assert(LOG_PART == 2048, "has_many_late has it as a number");
static int has_many_late(struct sql *q, bool *many) {
  int64_t late = 0;
  int rc = sql_int(sql_use(q, "SELECT count(*) FROM (SELECT 1 FROM log_late LIMIT 2048)"), 0, &late);
  *many = rc == OK && late >= LOG_PART;
  return rc;
}

static int read_begin(struct log_index *i, struct sql *q) {
  if (i->events) return OK;
  log_index_forget(i);
  int rc = has_many_late(q, &i->late);
  if (rc != OK || i->late) return rc;
  return sql_int(sql_use(q, "SELECT value FROM meta WHERE key = 'log_indexed'"), 0, &i->last);
}

/* *read: how many there were; fewer than LOG_STEP, and than the part has room for: no more for now. */
static int read_events(struct log_index *i, struct sql *q, size_t *read) {
  static const char in_order[] = "SELECT " LOG_COLUMNS " FROM events WHERE id > ? AND id < ? ORDER BY id LIMIT ?";
  static const char of_late[] = "SELECT " LOG_COLUMNS " FROM events WHERE id IN (SELECT id FROM log_late WHERE id > ?"
                                " AND id < ? ORDER BY id LIMIT ?) ORDER BY id";
  sqlite3_stmt *s = sql_use(q, i->late ? of_late : in_order);
  size_t room = LOG_PART - i->events;
  sql_bind_int(s, 1, i->last);
  sql_bind_int(s, 2, i->late ? INT64_MAX : id_floor(clock_now_us() - SETTLE_US));
  sql_bind_int(s, 3, (int64_t)(room < LOG_STEP ? room : LOG_STEP));
  int rc;
  for (*read = 0; (rc = sql_step(s)) == 1; ++*read) {
    struct event e = log_row_read(s);
    if ((rc = add_event(i, q, &e)) == OK) continue;
    sqlite3_reset(s);
    return rc;
  }
  return rc;
}

/* --- writing a part --- */

static int write_bits(struct sql *q, int64_t id, const void *bits, size_t size) {
  sqlite3_stmt *s = sql_use(q, "INSERT INTO log_bits(id, bits) VALUES (?, ?)");
  sql_bind_int(s, 1, id);
  sql_bind_blob(s, 2, (struct bytes){bits, size});
  return sql_run(s);
}

static int write_part(const struct log_index *i, struct sql *q) {
  int64_t part;
  int rc = sql_int(sql_use(q, "SELECT coalesce(max(part), 0) + 1 FROM log_parts"), 1, &part);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(q, "INSERT INTO log_parts(part, first, last, octets) VALUES (?, ?, ?, ?)");
  sql_bind_int(s, 1, part);
  sql_bind_int(s, 2, i->blocks[0]);
  sql_bind_int(s, 3, i->last);
  sql_bind_int(s, 4, (int64_t)i->octets);
  rc = sql_run(s);
  for (int64_t page = 0; rc == OK && page < PAGES; page++)
    rc = write_bits(q, IDS_OF(part) + page, i->bits[page * PAGE_ROWS], PAGE);
  return rc == OK ? write_bits(q, IDS_OF(part) + BLOCKS_AT, i->blocks, sizeof i->blocks) : rc;
}

/* Does the statement give an id that was not read? It gives them in order, and those that were read are in order. */
static int check_ids(const struct log_index *i, sqlite3_stmt *s) {
  size_t n = 0;
  int rc;
  while ((rc = sql_step(s)) == 1) {
    int64_t id = sqlite3_column_int64(s, 0);
    while (n < i->events && i->ids[n] < id) n++;
    if (n < i->events && i->ids[n] == id) continue;
    sqlite3_reset(s);
    return E_LIMIT;
  }
  return rc;
}

static int end_late(const struct log_index *i, struct sql *q) {
  sqlite3_stmt *s = sql_use(q, "SELECT id FROM log_late WHERE id <= ? AND id IN (SELECT id FROM events) ORDER BY id");
  sql_bind_int(s, 1, i->last);
  int rc = check_ids(i, s);
  if (rc != OK) return rc;
  s = sql_use(q, "DELETE FROM log_late WHERE id <= ?");
  sql_bind_int(s, 1, i->last);
  return sql_run(s);
}

/* What came among them since, by a command that took long or of a clock that was set back, would be found by nobody.
 * Counting would not do: refusals that are made again leave their place meanwhile. */
static int end_in_order(const struct log_index *i, struct sql *q) {
  int64_t indexed;
  int rc = sql_int(sql_use(q, "SELECT value FROM meta WHERE key = 'log_indexed'"), 0, &indexed);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(q, "SELECT id FROM events WHERE id > ? AND id <= ? ORDER BY id");
  sql_bind_int(s, 1, indexed);
  sql_bind_int(s, 2, i->last);
  rc = check_ids(i, s);
  if (rc != OK) return rc;
  s = sql_use(q, "UPDATE meta SET value = ? WHERE key = 'log_indexed'");
  sql_bind_int(s, 1, i->last);
  return sql_run(s);
}

/* One that cannot be written is read again. */
static int write_whole(struct log_index *i, struct sql *q) {
  int rc = sql_run(sql_use(q, "BEGIN IMMEDIATE"));
  if (rc != OK) return rc;
  rc = i->late ? end_late(i, q) : end_in_order(i, q);
  if (rc == OK) rc = write_part(i, q);
  if (rc == OK) rc = sql_run(sql_use(q, "COMMIT"));
  if (rc != OK && !sqlite3_get_autocommit(q->db)) sql_exec(q, "ROLLBACK");
  log_index_forget(i);
  return rc == E_LIMIT ? OK : rc;
}

/* After the clock was set back everything is late, for as long, and the part that is begun grows no further. */
static int give_way_to_late(struct log_index *i, struct sql *q, bool *more) {
  int rc = has_many_late(q, more);
  if (*more) log_index_forget(i);
  return rc;
}

int log_index_step(struct log_index *i, struct sql *q, bool *more) {
  size_t read = 0;
  *more = false;
  int rc = read_begin(i, q);
  if (rc == OK) rc = read_events(i, q, &read);
  if (rc == OK && i->late && !read && i->events < LOG_PART) { /* those that are left have gone from the log */
    rc = sql_exec(q, "DELETE FROM log_late WHERE id NOT IN (SELECT id FROM events)");
    log_index_forget(i);
  }
  if (rc == OK && !i->late && !read && i->events) rc = give_way_to_late(i, q, more);
  if (rc == OK && i->events == LOG_PART) {
    *more = true;
    rc = write_whole(i, q);
  }
  *more |= read == LOG_STEP;
  if (rc != OK) log_index_forget(i);
  return rc;
}

/* --- what is gone --- */

static int remove_part(struct sql *q, int64_t part) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM log_bits WHERE id >= ?1 AND id < ?1 + 64");
  sql_bind_int(s, 1, IDS_OF(part));
  int rc = sql_run(s);
  if (rc != OK) return rc;
  s = sql_use(q, "DELETE FROM log_parts WHERE part = ?");
  sql_bind_int(s, 1, part);
  return sql_run(s);
}

int log_index_purge(struct sql *q, bool *more) {
  *more = false;
  int late = sql_run(sql_use(q, "DELETE FROM log_late WHERE id < (SELECT min(id) FROM events)"));
  if (late != OK) return late;
  for (int n = 0; n < PURGE_PARTS; n++) {
    int64_t part = 0;
    int rc = sql_int(sql_use(q, "SELECT part FROM log_parts WHERE last < coalesce((SELECT min(id) FROM events),"
                                " 9223372036854775807) LIMIT 1"),
                     0, &part);
    if (rc != OK || !part) return rc;
    rc = remove_part(q, part);
    if (rc != OK) return rc;
  }
  *more = true;
  return OK;
}

int log_index_octets(struct sql *q, uint64_t *out) {
  int64_t octets = 0;
  int rc = sql_int(sql_use(q, "SELECT sum(octets) FROM log_parts"), 0, &octets);
  *out = octets > 0 ? (uint64_t)octets : 0;
  return rc;
}

/* --- searching --- */

struct ranges {
  struct log_range *all;
  size_t count, room;
};

static int add_range(struct ranges *r, int64_t first, int64_t last) {
  if (first > last) return OK;
  if (r->count == r->room) {
    size_t room = r->room ? 2 * r->room : 64;
    struct log_range *more = realloc(r->all, room * sizeof *more);
    if (!more) return E_MEMORY;
    r->all = more;
    r->room = room;
  }
  r->all[r->count++] = (struct log_range){first, last};
  return OK;
}

static int by_number(const void *a, const void *b) {
  return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Leaves in `mask` the blocks that have all the terms, which are in order. */
static int read_mask(struct sql *q, int64_t part, const struct log_terms *t, unsigned char mask[ROW]) {
  memset(mask, 0xff, ROW);
  for (size_t n = 0; n < t->count;) {
    unsigned page = t->all[n] / PAGE_ROWS;
    sqlite3_stmt *s = sql_use(q, "SELECT bits FROM log_bits WHERE id = ?");
    sql_bind_int(s, 1, IDS_OF(part) + page);
    int rc = sql_step(s);
    struct bytes bits = rc == 1 ? sql_blob(s, 0) : (struct bytes){0};
    bool good = bits.len == PAGE;
    unsigned char any = 0;
    for (; n < t->count && t->all[n] / PAGE_ROWS == page; n++)
      for (size_t i = 0; good && i < ROW; i++) mask[i] &= (unsigned char)bits.at[t->all[n] % PAGE_ROWS * ROW + i];
    for (size_t i = 0; i < ROW; i++) any |= mask[i];
    if (s) sqlite3_reset(s);
    if (rc < 0) return rc;
    if (!any) return OK;
  }
  return OK;
}

/* The blocks of the mask, as ranges within first and last. */
static int add_blocks(struct sql *q, struct ranges *r, int64_t part, int64_t part_last, const unsigned char mask[ROW],
                      int64_t first, int64_t last) {
  int64_t starts[LOG_BLOCKS + 1] = {0};
  sqlite3_stmt *s = sql_use(q, "SELECT bits FROM log_bits WHERE id = ?");
  sql_bind_int(s, 1, IDS_OF(part) + BLOCKS_AT);
  int rc = sql_step(s);
  struct bytes blocks = rc == 1 ? sql_blob(s, 0) : (struct bytes){0};
  if (blocks.len == LOG_BLOCKS * sizeof *starts) memcpy(starts, blocks.at, blocks.len);
  if (s) sqlite3_reset(s);
  if (rc < 0) return rc;
  starts[LOG_BLOCKS] = part_last + 1;
  for (size_t b = 0; b < LOG_BLOCKS; b++) {
    if (!(mask[b / 8] & 1u << b % 8)) continue;
    int64_t from = starts[b], to = starts[b + 1] - 1;
    if ((rc = add_range(r, from < first ? first : from, to > last ? last : to)) != OK) return rc;
  }
  return OK;
}

static int add_part(struct sql *q, struct ranges *r, sqlite3_stmt *s, const struct log_terms *t, int64_t first,
                    int64_t last) {
  unsigned char mask[ROW], any = 0;
  int64_t part = sqlite3_column_int64(s, 0), part_last = sqlite3_column_int64(s, 1);
  int rc = read_mask(q, part, t, mask);
  for (size_t i = 0; i < ROW; i++) any |= mask[i];
  return rc == OK && any ? add_blocks(q, r, part, part_last, mask, first, last) : rc;
}

static int add_parts(struct sql *q, struct ranges *r, const struct log_terms *t, int64_t first, int64_t last) {
  sqlite3_stmt *s = sql_use(q, "SELECT part, last FROM log_parts WHERE last >= ? AND first <= ?");
  sql_bind_int(s, 1, first);
  sql_bind_int(s, 2, last);
  int rc;
  while ((rc = sql_step(s)) == 1)
    if ((rc = add_part(q, r, s, t, first, last)) != OK) break;
  if (s) sqlite3_reset(s);
  return rc;
}

static int add_late(struct sql *q, struct ranges *r, int64_t first, int64_t last) {
  sqlite3_stmt *s = sql_use(q, "SELECT id FROM log_late WHERE id >= ? AND id <= ? ORDER BY id");
  sql_bind_int(s, 1, first);
  sql_bind_int(s, 2, last);
  int rc;
  while ((rc = sql_step(s)) == 1) {
    int64_t id = sqlite3_column_int64(s, 0);
    if ((rc = add_range(r, id, id)) != OK) break;
  }
  if (s) sqlite3_reset(s);
  return rc;
}

static int by_first(const void *a, const void *b) {
  const struct log_range *x = a, *y = b;
  return x->first < y->first ? -1 : x->first > y->first;
}

static void join(struct ranges *r) {
  size_t n = 0;
  if (!r->count) return;
  qsort(r->all, r->count, sizeof *r->all, by_first);
  for (size_t i = 1; i < r->count; i++)
    if (r->all[i].first - 1 > r->all[n].last)
      r->all[++n] = r->all[i];
    else if (r->all[i].last > r->all[n].last)
      r->all[n].last = r->all[i].last;
  r->count = n + 1;
}

int log_index_ranges(struct sql *q, const struct log_terms *terms, int64_t first, int64_t last, struct log_range **out,
                     size_t *count) {
  struct ranges r = {0};
  struct log_terms sorted;
  int64_t indexed = 0;
  sorted.count = terms->count;
  memcpy(sorted.all, terms->all, terms->count * sizeof *terms->all);
  qsort(sorted.all, sorted.count, sizeof *sorted.all, by_number);
  int rc = sql_int(sql_use(q, "SELECT value FROM meta WHERE key = 'log_indexed'"), 0, &indexed);
  if (rc == OK) rc = add_parts(q, &r, &sorted, first, last);
  if (rc == OK) rc = add_late(q, &r, first, last);
  if (rc == OK) rc = add_range(&r, indexed + 1 > first ? indexed + 1 : first, last);
  join(&r);
  *out = r.all;
  *count = r.count;
  return rc;
}

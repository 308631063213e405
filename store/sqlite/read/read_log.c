#include "store/sqlite/reader.h"

#include "base/id.h"
#include "store/sqlite/log/log_index.h"
#include "store/sqlite/log/log_match.h"
#include "store/sqlite/log/log_rows.h"

#include <stdlib.h>

/* A search under way. */
struct search {
  struct reader *r;
  const struct log_filter *filter;
  struct log_match match;
  struct log_message message; /* the last one that was looked up */
  bool (*row)(void *arg, const struct event *e);
  void *arg;
  int64_t *found; /* with a limit: the newest first */
  size_t count, room;
  bool ended;
};

/* --- one event --- */

static int put_message(struct search *s, struct event *e) {
  if (!e->message_id || (e->kind == EVENT_ACCEPTED && *e->header_id)) return OK;
  int rc = s->message.known && s->message.id == e->message_id
               ? OK
               : log_message_read(&s->r->at.q, e->message_id, &s->message);
  if (rc == OK) log_message_put(&s->message, e);
  return rc;
}

/* 1: it is one of those that are looked for. */
static int is_found(struct search *s, struct event *e) {
  if (!log_match_event(&s->match, e)) return 0;
  bool asks = log_match_asks_message(&s->match);
  int rc = asks || s->filter->of_message ? put_message(s, e) : OK;
  return rc != OK ? rc : !asks || log_match_message(&s->match, e);
}

static int note_found(struct search *s, int64_t id) {
  if (s->count == s->room) {
    size_t room = s->room ? 2 * s->room : 256;
    int64_t *more = realloc(s->found, room * sizeof *more);
    if (!more) return E_MEMORY;
    s->found = more;
    s->room = room;
  }
  s->found[s->count++] = id;
  s->ended = s->count == s->filter->limit;
  return OK;
}

/* Without a limit they go out as they are found. */
static int take(struct search *s, struct event *e) {
  int rc = is_found(s, e);
  if (rc != 1) return rc;
  if (s->filter->limit) return note_found(s, e->id);
  s->ended = !s->row(s->arg, e);
  return OK;
}

/* --- where they may be --- */

/* Each in both directions; `?2 = account`, `?2 = ref` and so on by the index that fits. */
#define WAY(where, order) "SELECT " LOG_COLUMNS " FROM events " where " AND id >= ?1 AND id <= ?2 ORDER BY id" order
#define BOTH(where)                                                                                                    \
  { WAY(where, ""), WAY(where, " DESC") }

/* By what is exact, and has an index of SQLite's own: one text for each. */
static sqlite3_stmt *choose(struct search *s) {
  static const char *const by_ref[] = BOTH("INDEXED BY events_ref WHERE ref = ?3");
  static const char *const by_message[] = BOTH("INDEXED BY events_message WHERE message_id = ?4 AND message_id <> 0");
  static const char *const by_account[] = BOTH("INDEXED BY events_account WHERE account = ?5");
  static const char *const by_time[] = BOTH("NOT INDEXED WHERE 1");
  const struct log_filter *f = s->filter;
  bool account = f->account && s->match.terms->count == LOG_VALUE_TERMS;
  const char *const *way = f->ref ? by_ref : f->message_id ? by_message : account ? by_account : by_time;
  sqlite3_stmt *q = sql_use(&s->r->at.q, way[f->limit != 0]);
  if (f->ref) sql_bind_text(q, 3, f->ref);
  if (f->message_id) sql_bind_int(q, 4, f->message_id);
  if (account) sql_bind_text(q, 5, f->account);
  return q;
}

static int scan(struct search *s, int64_t first, int64_t last) {
  sqlite3_stmt *q = choose(s);
  int rc = OK;
  sql_bind_int(q, 1, first);
  sql_bind_int(q, 2, last);
  while (!s->ended && (rc = sql_step(q)) == 1) {
    struct event e = log_row_read(q);
    if ((rc = take(s, &e)) != OK) break;
  }
  if (q) sqlite3_reset(q);
  return rc;
}

/* By the log's own index. */
static int scan_ranges(struct search *s, int64_t first, int64_t last) {
  struct log_range *ranges;
  size_t count;
  int rc = log_index_ranges(&s->r->at.q, s->match.terms, first, last, &ranges, &count);
  for (size_t i = 0; rc == OK && !s->ended && i < count; i++) {
    const struct log_range *r = &ranges[s->filter->limit ? count - 1 - i : i];
    rc = scan(s, r->first, r->last);
  }
  free(ranges);
  return rc;
}

static int64_t first_of(const struct log_filter *f) {
  int64_t since = f->since_us ? id_floor(f->since_us) : 0;
  return f->after_id >= since ? f->after_id + 1 : since;
}

static bool uses_index(const struct search *s) {
  const struct log_filter *f = s->filter;
  size_t own = f->account ? LOG_VALUE_TERMS : 0; /* an account alone has an index of SQLite's */
  return !f->ref && !f->message_id && s->match.terms->count > own;
}

static int find(struct search *s) {
  int64_t first = first_of(s->filter), last = s->filter->until_us ? id_floor(s->filter->until_us) - 1 : INT64_MAX;
  return uses_index(s) ? scan_ranges(s, first, last) : scan(s, first, last);
}

/* --- what was found, the oldest first --- */

static int give(struct search *s, int64_t id, bool *more) {
  sqlite3_stmt *q = sql_use(&s->r->at.q, "SELECT " LOG_COLUMNS " FROM events WHERE id = ?");
  sql_bind_int(q, 1, id);
  int rc = sql_step(q);
  if (rc != 1) return rc;
  struct event e = log_row_read(q);
  rc = s->filter->of_message ? put_message(s, &e) : OK;
  if (rc == OK) *more = s->row(s->arg, &e);
  sqlite3_reset(q);
  return rc;
}

static int give_found(struct search *s) {
  int rc = OK;
  bool more = true;
  for (size_t i = s->count; rc == OK && more && i; i--) rc = give(s, s->found[i - 1], &more);
  return rc;
}

/* One view of the log, however much is written meanwhile; the callback may have one already. */
static int search(struct search *s) {
  struct sql *q = &s->r->at.q;
  bool own = sqlite3_get_autocommit(q->db) != 0;
  int rc = log_match_init(s->filter, &s->match);
  if (rc == OK && own) rc = sql_exec(q, "BEGIN");
  if (rc == OK) rc = find(s);
  if (rc == OK) rc = give_found(s);
  if (own && !sqlite3_get_autocommit(q->db)) sql_exec(q, "COMMIT");
  log_match_free(&s->match);
  free(s->found);
  return rc;
}

int reader_log(struct reader *r, const struct log_filter *f, bool (*row)(void *arg, const struct event *e), void *arg) {
  struct search s = {.r = r, .filter = f, .row = row, .arg = arg};
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, search(&s)) : rc;
}

#include "store/sqlite/reader.h"

#include "base/id.h"

#include <stdlib.h>

#define COLUMNS                                                                                                        \
  "id, message_id, kind, account, sender, recipient, code, enhanced, text, host, source, coalesce(ref, ''), count,"    \
  " rule, numbers, first_us, verdict, stream, domain"
#define ALSO                                                                                                           \
  " AND id > ?1 AND id >= ?2 AND id < ?3 AND (?4 = '' OR account = ?4) AND (?5 = '' OR sender LIKE ?5 ESCAPE '\\')"    \
  " AND (?6 = '' OR recipient LIKE ?6 ESCAPE '\\') AND (?7 < 0 OR kind = ?7) AND (?9 = 0 OR message_id = ?9)"          \
  " AND (?10 = '' OR ref = ?10)"
#define EVERY(way) "SELECT " COLUMNS " FROM events " way ALSO " AND ?8 < 0 ORDER BY id"
/* The newest are found first, then turned round: only they are ever in memory. */
#define NEWEST(way) "SELECT * FROM (SELECT " COLUMNS " FROM events " way ALSO " ORDER BY id DESC LIMIT ?8) ORDER BY id"
#define BOTH(way)                                                                                                      \
  { EVERY(way), NEWEST(way) }

/* One text for each way in, so that the index is used that fits best. */
static sqlite3_stmt *choose(struct reader *r, const struct log_filter *f) {
  static const char *const by_ref[] = BOTH("INDEXED BY events_ref WHERE ref = ?10");
  static const char *const by_message[] = BOTH("INDEXED BY events_message WHERE message_id = ?9 AND message_id <> 0");
  static const char *const by_account[] = BOTH("INDEXED BY events_account WHERE account = ?4");
  static const char *const by_time[] = BOTH("NOT INDEXED WHERE 1");
  const char *const *way = f->ref ? by_ref : f->message_id ? by_message : f->account ? by_account : by_time;
  return sql_use(&r->at.q, way[f->limit != 0]);
}

static struct event read_event(sqlite3_stmt *s) {
  return (struct event){.id = sqlite3_column_int64(s, 0),
                        .message_id = sqlite3_column_int64(s, 1),
                        .kind = (enum event_kind)sqlite3_column_int64(s, 2),
                        .account = sql_text(s, 3),
                        .from = sql_text(s, 4),
                        .to = sql_text(s, 5),
                        .code = (int)sqlite3_column_int64(s, 6),
                        .enhanced = sql_text(s, 7),
                        .text = sql_text(s, 8),
                        .host = sql_text(s, 9),
                        .source = sql_text(s, 10),
                        .ref = sql_text(s, 11),
                        .count = (uint64_t)sqlite3_column_int64(s, 12),
                        .rule = sql_text(s, 13),
                        .numbers = sql_text(s, 14),
                        .first_us = sqlite3_column_int64(s, 15),
                        .verdict = sql_text(s, 16),
                        .stream = sqlite3_column_int64(s, 17) == STREAM_BULK ? STREAM_BULK : STREAM_TRANSACTIONAL,
                        .domain = sql_text(s, 18)};
}

static void bind_filter(sqlite3_stmt *s, const struct log_filter *f, const char *from, const char *to) {
  sql_bind_int(s, 1, f->after_id);
  sql_bind_int(s, 2, f->since_us ? id_floor(f->since_us) : 0);
  sql_bind_int(s, 3, f->until_us ? id_floor(f->until_us) : INT64_MAX);
  sql_bind_text(s, 4, f->account);
  sql_bind_text(s, 5, from);
  sql_bind_text(s, 6, to);
  sql_bind_int(s, 7, f->kind);
  sql_bind_int(s, 8, f->limit ? (int64_t)f->limit : -1);
  sql_bind_int(s, 9, f->message_id);
  sql_bind_text(s, 10, f->ref);
}

static int give_events(struct reader *r, const struct log_filter *f, bool (*row)(void *arg, const struct event *e),
                       void *arg) {
  char *from = f->from ? pattern_to_like(f->from) : NULL, *to = f->to ? pattern_to_like(f->to) : NULL;
  bool memory = (from || !f->from) && (to || !f->to);
  sqlite3_stmt *s = memory ? choose(r, f) : NULL;
  int rc = memory ? OK : E_MEMORY;
  bool more = memory;
  bind_filter(s, f, from, to);
  while (more && (rc = sql_step(s)) == 1) {
    struct event e = read_event(s);
    more = row(arg, &e);
    rc = OK;
  }
  if (s) sqlite3_reset(s);
  free(from);
  free(to);
  return rc;
}

int reader_log(struct reader *r, const struct log_filter *f, bool (*row)(void *arg, const struct event *e), void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_events(r, f, row, arg)) : rc;
}

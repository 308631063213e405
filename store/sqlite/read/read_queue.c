#include "store/sqlite/reader.h"

#include "base/address/address.h"

#include <stdio.h>
#include <stdlib.h>

/* Every lane once, by jumping from one to the next in the index: the cost follows the lanes, not the recipients. */
#define NEXT_LANE                                                                                                      \
  "SELECT domain, lane, next_us FROM recipients INDEXED BY recipients_due WHERE state = 0"                             \
  " AND (domain, lane, next_us) > (?1, ?2, 0x7fffffffffffffff) ORDER BY domain, lane, next_us LIMIT 1"

typedef bool lane_row(void *arg, const char *domain, const char *lane, int64_t next_us);

static int give_lanes(struct sql *q, lane_row *row, void *arg) {
  sqlite3_stmt *s = sql_use(q, NEXT_LANE);
  char domain[DOMAIN_MAX + 1] = "", lane[LANE_TEXT] = "";
  int rc;
  bool more = true;
  while (more) {
    sql_bind_text(s, 1, domain);
    sql_bind_text(s, 2, lane);
    if ((rc = sql_step(s)) != 1) return rc;
    bytes_copy(bytes_of(sql_text(s, 0)), domain, sizeof domain);
    bytes_copy(bytes_of(sql_text(s, 1)), lane, sizeof lane);
    more = row(arg, domain, lane, sqlite3_column_int64(s, 2));
    sqlite3_reset(s);
  }
  return OK;
}

int reader_due_lanes(struct reader *r, lane_row *row, void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_lanes(&r->at.q, row, arg)) : rc;
}

#define ROW_COLUMNS                                                                                                    \
  "SELECT m.id, m.account, m.pool, m.reverse_path, m.flags, m.size, m.created_us, m.expires_us,"                       \
  " r.id, r.address, r.domain, r.attempts, r.next_us, r.state, r.last,"                                                \
  " m.envid, m.priority, m.deliver_by_us, r.notify, r.orcpt, m.sources, r.pool, r.source, r.hold, r.not_before_us,"    \
  " r.site, r.returned "

/* A recipient that was moved to another pool: what was said of the first one's sources says nothing of those. */
static void move_to_pool(struct envelope *m, const char *pool) {
  if (!*pool) return;
  m->pool = pool;
  m->sources = "";
  m->flags &= ~(unsigned)MESSAGE_SOURCES_ONLY;
}

static int give_rows(sqlite3_stmt *s, queue_row *row, void *arg) {
  int rc;
  while ((rc = sql_step(s)) == 1) {
    struct envelope m = {.id = sqlite3_column_int64(s, 0),
                         .account = sql_text(s, 1),
                         .pool = sql_text(s, 2),
                         .reverse_path = sql_text(s, 3),
                         .flags = (unsigned)sqlite3_column_int64(s, 4),
                         .size = (uint64_t)sqlite3_column_int64(s, 5),
                         .created_us = sqlite3_column_int64(s, 6),
                         .expires_us = sqlite3_column_int64(s, 7),
                         .envid = sql_text(s, 15),
                         .priority = (int)sqlite3_column_int64(s, 16),
                         .deliver_by_us = sqlite3_column_int64(s, 17),
                         .sources = sql_text(s, 20)};
    struct queued_recipient q = {.to = {.id = sqlite3_column_int64(s, 8),
                                        .address = sql_text(s, 9),
                                        .domain = sql_text(s, 10),
                                        .notify = (unsigned)sqlite3_column_int64(s, 18),
                                        .orcpt = sql_text(s, 19)},
                                 .attempts = (unsigned)sqlite3_column_int64(s, 11),
                                 .next_us = sqlite3_column_int64(s, 12),
                                 .state = (enum recipient_state)sqlite3_column_int64(s, 13),
                                 .hold = (enum recipient_hold)sqlite3_column_int64(s, 23),
                                 .not_before_us = sqlite3_column_int64(s, 24),
                                 .last = sql_text(s, 14),
                                 .source = sql_text(s, 22),
                                 .site = sql_text(s, 25),
                                 .returned = sql_text(s, 26)};
    move_to_pool(&m, sql_text(s, 21));
    if (row(arg, &m, &q)) continue;
    sqlite3_reset(s);
    return OK;
  }
  return rc;
}

static int give_recipients(struct sql *q, const char *domain, const char *lane, int64_t until_us, size_t limit,
                           queue_row *row, void *arg) {
  sqlite3_stmt *s =
      sql_use(q, ROW_COLUMNS
              "FROM recipients r INDEXED BY recipients_due JOIN messages m ON m.id = r.message_id"
              " WHERE r.state = 0 AND r.domain = ? AND r.lane = ? AND r.next_us <= ? ORDER BY r.next_us LIMIT ?");
  sql_bind_text(s, 1, domain);
  sql_bind_text(s, 2, lane);
  sql_bind_int(s, 3, until_us);
  sql_bind_int(s, 4, (int64_t)limit);
  return give_rows(s, row, arg);
}

int reader_due_recipients(struct reader *r, const char *domain, const char *lane, int64_t until_us, size_t limit,
                          queue_row *row, void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_recipients(&r->at.q, domain, lane, until_us, limit, row, arg)) : rc;
}

static int give_returning(struct sql *q, int64_t after, size_t limit, queue_row *row, void *arg) {
  sqlite3_stmt *s =
      sql_use(q, ROW_COLUMNS "FROM recipients r INDEXED BY recipients_returning JOIN messages m ON m.id = r.message_id"
                             " WHERE r.state = 2 AND r.message_id > ? ORDER BY r.message_id, r.domain, r.id LIMIT ?");
  sql_bind_int(s, 1, after);
  sql_bind_int(s, 2, (int64_t)limit);
  return give_rows(s, row, arg);
}

int reader_returning(struct reader *r, int64_t after, size_t limit, queue_row *row, void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_returning(&r->at.q, after, limit, row, arg)) : rc;
}

static int still_queued(struct sql *q, const int64_t *recipients, size_t count, bool *all) {
  int rc = OK;
  *all = true;
  for (size_t i = 0; rc == OK && *all && i < count; i++) {
    int64_t state;
    sqlite3_stmt *s = sql_use(q, "SELECT state FROM recipients WHERE id = ?");
    sql_bind_int(s, 1, recipients[i]);
    rc = sql_int(s, -1, &state);
    *all = state == RECIPIENT_QUEUED;
  }
  return rc;
}

int reader_still_queued(struct reader *r, const int64_t *recipients, size_t count, bool *all) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, still_queued(&r->at.q, recipients, count, all)) : rc;
}

/* --- a selection --- */

/* Bits of read.h, as IS has them in numbers. */
_Static_assert(QUEUE_IS_QUEUED == 1 && QUEUE_IS_RETURNING == 2 && QUEUE_IS_HELD_FOR(0) == 16, "see IS");
#define IS "(CASE r.state WHEN 0 THEN 1 WHEN 1 THEN 16 << r.hold ELSE 2 END)"
#define SITE_DOMAINS "SELECT domain FROM recipients WHERE site = ?9 AND site <> ''"
#define KEPT_DOMAINS "SELECT domain FROM temp.site_domains"
#define CHOSEN(DOMAINS)                                                                                                \
  " AND (?2 = '' OR m.account = ?2) AND (?3 = '' OR r.address LIKE ?3 ESCAPE '\\') AND (?4 < 0 OR r.state = ?4)"       \
  " AND r.id <= ?7 AND m.created_us >= ?8 AND (?9 = '' OR r.site = ?9 OR (r.site = ''"                                 \
  " AND r.domain IN (" DOMAINS "))) AND (?10 = '' OR r.last LIKE ?10 ESCAPE '\\')"                                     \
  " AND (?11 = 0 OR ?11 & " IS ")"
#define IN_ORDER " ORDER BY r.message_id, r.id LIMIT ?5"

/* One text for each way in, so that one message is not searched for in the whole queue. */
#define OF_MESSAGE                                                                                                     \
  "FROM recipients r INDEXED BY recipients_message JOIN messages m ON m.id = r.message_id  WHERE r.message_id = ?1"    \
  " AND ?6 <= ?1" CHOSEN(SITE_DOMAINS)
#define OF_ALL_WITH(DOMAINS)                                                                                           \
  "FROM recipients r INDEXED BY recipients_message CROSS JOIN messages m ON m.id = r.message_id WHERE ?1 = 0"          \
  " AND r.message_id >= ?6" CHOSEN(DOMAINS)
#define OF_ALL OF_ALL_WITH(SITE_DOMAINS)
#define OF_ALL_KEPT OF_ALL_WITH(KEPT_DOMAINS)

_Static_assert((MESSAGE_SOURCES_ONLY | MESSAGE_RESTS_ON_SPF) == 10240, "POOLS_OF has the flags as a number");
#define POOLS_OF(CHOOSE)                                                                                               \
  "SELECT pool, count(DISTINCT iif(spf, NULL, id)), sum(NOT spf), count(DISTINCT iif(spf, id, NULL)), sum(spf) FROM"   \
  " (SELECT m.id AS id, iif(r.pool = '', m.pool, r.pool) AS pool, m.flags & 10240 <> 0 AND m.pool <> ?12 AS "          \
  "spf " CHOOSE ") WHERE pool <> ?12 GROUP BY pool ORDER BY pool"

/* What a filter's texts are for LIKE; they outlive the use of the statement. */
struct likes {
  char *to, *reply;
};

static void likes_free(struct likes *l) {
  free(l->to);
  free(l->reply);
}

static int likes_init(const struct queue_filter *f, struct likes *l) {
  char *within = NULL;
  *l = (struct likes){.to = f->to ? pattern_to_like(f->to) : NULL};
  if (f->reply && asprintf(&within, "*%s*", f->reply) < 0) within = NULL;
  if (within) l->reply = pattern_to_like(within);
  free(within);
  if ((!f->to || l->to) && (!f->reply || l->reply)) return OK;
  likes_free(l);
  return E_MEMORY;
}

static void bind_filter(sqlite3_stmt *s, const struct queue_filter *f, const struct likes *l, int64_t from,
                        int64_t until) {
  sql_bind_int(s, 1, f->message_id);
  sql_bind_text(s, 2, f->account);
  sql_bind_text(s, 3, l->to);
  sql_bind_int(s, 4, f->state);
  sql_bind_int(s, 5, f->limit ? (int64_t)f->limit : -1);
  sql_bind_int(s, 6, from);
  sql_bind_int(s, 7, until);
  sql_bind_int(s, 8, f->since_us);
  sql_bind_text(s, 9, f->site);
  sql_bind_text(s, 10, l->reply);
  sql_bind_int(s, 11, f->among);
}

int queue_keep_site(struct sql *q, const char *site) {
  int rc = sql_exec(q, "CREATE TEMP TABLE IF NOT EXISTS site_domains(domain TEXT PRIMARY KEY) WITHOUT ROWID;"
                       " DELETE FROM temp.site_domains");
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(q, "INSERT OR IGNORE INTO temp.site_domains SELECT domain FROM recipients WHERE site = ?");
  sql_bind_text(s, 1, site);
  return sql_run(s);
}

int queue_rows(struct sql *q, const struct queue_filter *f, bool kept, int64_t from, int64_t until, queue_row *row,
               void *arg) {
  struct likes l;
  int rc = likes_init(f, &l);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(q, f->message_id ? ROW_COLUMNS OF_MESSAGE IN_ORDER
                               : kept        ? ROW_COLUMNS OF_ALL_KEPT IN_ORDER
                                             : ROW_COLUMNS OF_ALL IN_ORDER);
  bind_filter(s, f, &l, from, until);
  rc = give_rows(s, row, arg);
  likes_free(&l);
  return rc;
}

int reader_queue(struct reader *r, const struct queue_filter *f, queue_row *row, void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, queue_rows(&r->at.q, f, false, 0, INT64_MAX, row, arg)) : rc;
}

#define EXTENT                                                                                                         \
  "SELECT count(DISTINCT m.id), count(*), count(DISTINCT m.account), coalesce(sum(m.reverse_path = ''), 0),"           \
  " coalesce(min(m.created_us), 0) "

static int read_extent(struct sql *q, const struct queue_filter *f, const struct likes *l, struct queue_extent *out) {
  sqlite3_stmt *s = sql_use(q, f->message_id ? EXTENT OF_MESSAGE : EXTENT OF_ALL);
  bind_filter(s, f, l, 0, INT64_MAX);
  int rc = sql_step(s);
  if (rc != 1) return rc;
  *out = (struct queue_extent){.messages = (uint64_t)sqlite3_column_int64(s, 0),
                               .recipients = (uint64_t)sqlite3_column_int64(s, 1),
                               .accounts = (uint64_t)sqlite3_column_int64(s, 2),
                               .null_senders = (uint64_t)sqlite3_column_int64(s, 3),
                               .oldest_us = sqlite3_column_int64(s, 4)};
  sqlite3_reset(s);
  return OK;
}

int reader_queue_extent(struct reader *r, const struct queue_filter *f, struct queue_extent *out) {
  struct likes l;
  *out = (struct queue_extent){0};
  int rc = likes_init(f, &l);
  if (rc != OK) return rc;
  rc = reader_begin(r, NULL);
  if (rc == OK) rc = reader_end(r, read_extent(&r->at.q, f, &l, out));
  likes_free(&l);
  return rc;
}

static int give_pools(struct sql *q, const struct queue_filter *f, const char *to_pool,
                      bool (*row)(void *arg, const struct queue_pool_row *p), void *arg) {
  struct likes l;
  int rc = likes_init(f, &l);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(q, f->message_id ? POOLS_OF(OF_MESSAGE) : POOLS_OF(OF_ALL));
  bind_filter(s, f, &l, 0, INT64_MAX);
  sql_bind_text(s, 12, to_pool);
  while ((rc = sql_step(s)) == 1) {
    struct queue_pool_row one = {.pool = sql_text(s, 0),
                                 .messages = (uint64_t)sqlite3_column_int64(s, 1),
                                 .recipients = (uint64_t)sqlite3_column_int64(s, 2),
                                 .spf_messages = (uint64_t)sqlite3_column_int64(s, 3),
                                 .spf_recipients = (uint64_t)sqlite3_column_int64(s, 4)};
    if (row(arg, &one)) continue;
    sqlite3_reset(s);
    rc = OK;
    break;
  }
  likes_free(&l);
  return rc;
}

int reader_queue_pools(struct reader *r, const struct queue_filter *f, const char *to_pool,
                       bool (*row)(void *arg, const struct queue_pool_row *p), void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_pools(&r->at.q, f, to_pool, row, arg)) : rc;
}

/* `last` is that of the recipient whose next attempt is the latest, so the reply that came last, roughly. */
#define SUMMARY                                                                                                        \
  "SELECT r.domain, sum(r.state = 0), sum(r.state = 1), sum(r.state = 2), min(m.created_us),"                          \
  " coalesce(min(CASE WHEN r.state <> 1 THEN r.next_us END), min(r.next_us)),"                                         \
  " substr(max(CASE r.last WHEN '' THEN '' ELSE printf('%020d', r.next_us) || r.last END), 21)"                        \
  " FROM recipients r JOIN messages m ON m.id = r.message_id GROUP BY r.domain ORDER BY count(*) DESC, r.domain"

static int give_summary(struct sql *q, bool (*row)(void *arg, const struct queue_summary_row *s), void *arg) {
  sqlite3_stmt *s = sql_use(q, SUMMARY);
  int rc;
  while ((rc = sql_step(s)) == 1) {
    struct queue_summary_row one = {.domain = sql_text(s, 0),
                                    .queued = (uint64_t)sqlite3_column_int64(s, 1),
                                    .held = (uint64_t)sqlite3_column_int64(s, 2),
                                    .returning = (uint64_t)sqlite3_column_int64(s, 3),
                                    .oldest_us = sqlite3_column_int64(s, 4),
                                    .next_us = sqlite3_column_int64(s, 5),
                                    .last = sql_text(s, 6)};
    if (row(arg, &one)) continue;
    sqlite3_reset(s);
    return OK;
  }
  return rc;
}

int reader_queue_summary(struct reader *r, bool (*row)(void *arg, const struct queue_summary_row *s), void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_summary(&r->at.q, row, arg)) : rc;
}

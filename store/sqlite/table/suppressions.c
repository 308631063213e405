#include "store/sqlite/table/suppressions.h"

/* --- rows --- */

struct suppression suppression_row(sqlite3_stmt *s) {
  return (struct suppression){.account = sql_text(s, 0),
                              .address = sql_text(s, 1),
                              .origin = (enum suppression_origin)sqlite3_column_int64(s, 2),
                              .reason = sql_text(s, 3),
                              .code = (int)sqlite3_column_int64(s, 4),
                              .enhanced = sql_text(s, 5),
                              .text = sql_text(s, 6),
                              .message_id = sqlite3_column_int64(s, 7),
                              .added_us = sqlite3_column_int64(s, 8),
                              .expires_us = sqlite3_column_int64(s, 9)};
}

int suppression_read(struct sql *q, const char *account, const char *key, int64_t now_us, struct suppression *out,
                     sqlite3_stmt **row) {
  sqlite3_stmt *s = *row =
      sql_use(q, "SELECT " SUPPRESSION_COLUMNS " FROM suppressions WHERE account IN (?1, '') AND address = ?2"
                 " AND (expires_us = 0 OR expires_us > ?3) ORDER BY expires_us <> 0, expires_us DESC LIMIT 1");
  sql_bind_text(s, 1, account);
  sql_bind_text(s, 2, key);
  sql_bind_int(s, 3, now_us);
  int rc = sql_step(s);
  if (rc == 1) *out = suppression_row(s);
  return rc;
}

/* --- room --- */

static int entries_of(struct sql *q, const char *account, uint64_t *out) {
  int64_t n;
  sqlite3_stmt *s = sql_use(q, "SELECT entries FROM suppression_lists WHERE account = ?");
  sql_bind_text(s, 1, account);
  int rc = sql_int(s, 0, &n);
  *out = (uint64_t)n;
  return rc;
}

int suppression_count(struct sql *q, uint64_t *all) {
  int64_t n;
  int rc = sql_int(sql_use(q, "SELECT value FROM meta WHERE key = 'suppressions'"), 0, &n);
  *all = (uint64_t)n;
  return rc;
}

static int find_room(struct sql *q, const char *account, bool *room) {
  uint64_t own = 0, all = 0;
  int rc = entries_of(q, account, &own);
  if (rc == OK) rc = suppression_count(q, &all);
  *room = rc == OK && own < SUPPRESSION_LIST_MAX && all < SUPPRESSIONS_MAX;
  return rc;
}

/* What a bounce put there gives way to a newer bounce, the one that would go soonest; never what a person has put. */
static int make_room(struct sql *q, const char *account, bool *room) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM suppressions WHERE id = (SELECT id FROM suppressions WHERE account = ?"
                               " AND origin = 0 AND expires_us <> 0 ORDER BY expires_us LIMIT 1)");
  sql_bind_text(s, 1, account);
  int rc = sql_run(s);
  *room = rc == OK && sqlite3_changes(q->db) > 0;
  return rc;
}

/* --- changes --- */

static int delete_entry(struct sql *q, const char *account, const char *key) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM suppressions WHERE account = ? AND address = ?");
  sql_bind_text(s, 1, account);
  sql_bind_text(s, 2, key);
  return sql_run(s);
}

static int insert_entry(struct sql *q, const struct suppression *e) {
  sqlite3_stmt *s = sql_use(q, "INSERT INTO suppressions(" SUPPRESSION_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?)");
  sql_bind_text(s, 1, e->account);
  sql_bind_text(s, 2, e->address);
  sql_bind_int(s, 3, e->origin);
  sql_bind_text(s, 4, e->reason);
  sql_bind_int(s, 5, e->code);
  sql_bind_text(s, 6, e->enhanced);
  sql_bind_text(s, 7, e->text);
  sql_bind_int(s, 8, e->message_id);
  sql_bind_int(s, 9, e->added_us);
  sql_bind_int(s, 10, e->expires_us);
  return sql_run(s);
}

/* *expires_us: of the entry of this very list; -1: there is none, or none that holds. */
static int read_expiry(struct sql *q, const char *account, const char *key, int64_t now_us, int64_t *expires_us) {
  sqlite3_stmt *s = sql_use(q, "SELECT expires_us FROM suppressions WHERE account = ? AND address = ?"
                               " AND (expires_us = 0 OR expires_us > ?)");
  sql_bind_text(s, 1, account);
  sql_bind_text(s, 2, key);
  sql_bind_int(s, 3, now_us);
  return sql_int(s, -1, expires_us);
}

static bool lasts(int64_t there_us, int64_t until_us) {
  return there_us == 0 || (there_us > 0 && until_us != 0 && there_us >= until_us);
}

/* A new row, with a new id, in place of the old one: that is how what was added is noticed (suppression_load). */
int suppression_put(struct sql *q, const struct suppression *e, bool longer, int64_t now_us,
                    enum suppression_put *done) {
  int64_t there_us;
  bool room = false;
  int rc = read_expiry(q, e->account, e->address, now_us, &there_us);
  *done = SUPPRESSION_KEPT;
  if (rc != OK || (longer && lasts(there_us, e->expires_us))) return rc;
  rc = delete_entry(q, e->account, e->address);
  if (rc == OK) rc = find_room(q, e->account, &room);
  if (rc == OK && !room && e->origin == SUPPRESSION_BOUNCE) rc = make_room(q, e->account, &room);
  *done = room ? SUPPRESSION_ADDED : SUPPRESSION_NO_ROOM;
  return rc == OK && room ? insert_entry(q, e) : rc;
}

static int forget_bounces(struct sql *q, const char *account, const char *key) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM suppression_hits WHERE account = ? AND address = ?");
  sql_bind_text(s, 1, account);
  sql_bind_text(s, 2, key);
  return sql_run(s);
}

int suppression_remove(struct sql *q, const char *account, const char *key, bool *removed) {
  int rc = delete_entry(q, account, key);
  *removed = rc == OK && sqlite3_changes(q->db) > 0;
  return rc == OK ? forget_bounces(q, account, key) : rc;
}

/* --- bounces --- */

int suppression_counts(struct sql *q, const char *account, const char *key, int64_t now_us, struct bounce_counts *out) {
  sqlite3_stmt *s = sql_use(q, "SELECT coalesce(sum(hard), 0), count(*) FROM suppression_hits"
                               " WHERE account = ? AND address = ? AND at_us > ?");
  sql_bind_text(s, 1, account);
  sql_bind_text(s, 2, key);
  sql_bind_int(s, 3, now_us - BOUNCE_WINDOW_US);
  int rc = sql_step(s);
  *out = (struct bounce_counts){0};
  if (rc != 1) return rc;
  out->hard = (uint64_t)sqlite3_column_int64(s, 0);
  out->soft = (uint64_t)sqlite3_column_int64(s, 1) - out->hard;
  sqlite3_reset(s);
  return OK;
}

/* Ids go up by one, so the first and the last say how many there are at most. */
static int add_hit(struct sql *q, const struct suppression *e, bool hard) {
  sqlite3_stmt *s = sql_use(q, "INSERT INTO suppression_hits(account, address, hard, at_us) VALUES (?,?,?,?)");
  sql_bind_text(s, 1, e->account);
  sql_bind_text(s, 2, e->address);
  sql_bind_int(s, 3, hard);
  sql_bind_int(s, 4, e->added_us);
  int rc = sql_run(s);
  if (rc != OK) return rc;
  s = sql_use(q, "DELETE FROM suppression_hits WHERE id <= ?");
  sql_bind_int(s, 1, sqlite3_last_insert_rowid(q->db) - SUPPRESSION_BOUNCES_MAX);
  return sql_run(s);
}

/* Mail that was taken before its recipient was suppressed may bounce after it: that only prolongs. */
static int add_entry(struct sql *q, const struct suppression *e, bool *added) {
  int64_t there_us;
  enum suppression_put done;
  int rc = read_expiry(q, e->account, e->address, e->added_us, &there_us);
  if (rc == OK) rc = suppression_put(q, e, true, e->added_us, &done);
  *added = rc == OK && there_us < 0 && done == SUPPRESSION_ADDED;
  return rc;
}

/* Mail of an account that was removed still bounces; a later account of its name has nothing to do with that. */
static int account_there(struct sql *q, const char *account, bool *there) {
  int64_t found;
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM accounts WHERE name = ?");
  sql_bind_text(s, 1, account);
  int rc = sql_int(s, 0, &found);
  *there = rc == OK && found;
  return rc;
}

int suppression_bounce(struct sql *q, const struct suppression *e, enum bounce bounce, unsigned after, bool *added,
                       uint64_t *hard) {
  struct bounce_counts counts = {0};
  bool there;
  *added = false;
  *hard = 0;
  int rc = account_there(q, e->account, &there);
  if (rc != OK || !there) return rc;
  rc = add_hit(q, e, bounce == BOUNCE_HARD);
  if (rc == OK && bounce == BOUNCE_HARD) rc = suppression_counts(q, e->account, e->address, e->added_us, &counts);
  *hard = counts.hard;
  return rc == OK && bounce == BOUNCE_HARD && after && counts.hard >= after ? add_entry(q, e, added) : rc;
}

/* --- the view of them --- */

int suppression_load(struct sql *q, struct suppression_view *view, int64_t *last, int most, bool *more) {
  sqlite3_stmt *s = sql_use(q, "SELECT id, account, address FROM suppressions WHERE id > ? ORDER BY id LIMIT ?");
  int rc, n = 0;
  sql_bind_int(s, 1, *last);
  sql_bind_int(s, 2, most);
  for (; (rc = sql_step(s)) == 1; n++) {
    suppression_view_put(view, sql_text(s, 1), sql_text(s, 2));
    *last = sqlite3_column_int64(s, 0);
  }
  *more = rc == OK && n == most;
  return rc;
}

/* --- housekeeping --- */

static int purge_by(struct sql *q, const char *text, int64_t until_us, int most, bool *more) {
  sqlite3_stmt *s = sql_use(q, text);
  sql_bind_int(s, 1, until_us);
  sql_bind_int(s, 2, most);
  int rc = sql_run(s);
  *more |= rc == OK && sqlite3_changes(q->db) == most;
  return rc;
}

int suppression_purge(struct sql *q, int64_t now_us, int most, bool *more) {
  *more = false;
  int rc = purge_by(q,
                    "DELETE FROM suppressions WHERE id IN (SELECT id FROM suppressions"
                    " WHERE expires_us <> 0 AND expires_us <= ?1 ORDER BY expires_us LIMIT ?2)",
                    now_us, most, more);
  if (rc == OK)
    rc = purge_by(q,
                  "DELETE FROM suppression_hits WHERE id IN (SELECT id FROM suppression_hits WHERE id <="
                  " (SELECT min(id) FROM suppression_hits) + ?2 AND at_us <= ?1 ORDER BY id LIMIT ?2)",
                  now_us - BOUNCE_WINDOW_US, most, more);
  return rc;
}

#include "base/clock.h"
#include "base/id.h"
#include "store/sqlite/operation/operations.h"

/* Clocks of one machine, read one after another, differ by less; what was made later than that was made by a clock that
 * was ahead. */
#define AHEAD_US (5 * 60 * SECOND_US)

void store_clock_init(struct store_clock *c) {
  c->op.kind = OPERATION_CLOCK;
}

static int run(struct sql *q, sqlite3_stmt *s, struct store_clock *c) {
  int rc = sql_run(s);
  if (rc == OK) c->changed += (uint64_t)sqlite3_changes(q->db);
  return rc;
}

/* --- the clock jumped while the gateway ran --- */

/* What was made by the clock as it was before moves with it, so that as much of every wait is left as there was. Half
 * of the jump apart from both clocks lies what tells their messages from each other. */
#define OLD_CLOCK                                                                                                      \
  "(CASE WHEN ?1 > 0 THEN created_us < ?2 - ?1 / 2 AND created_us >= ?2 - ?1 - ?3 ELSE created_us > ?2 - ?1 / 2 END)"

static int shift_recipients(struct sql *q, struct store_clock *c) {
  sqlite3_stmt *s = sql_use(q, "UPDATE recipients SET next_us = next_us + ?1, not_before_us ="
                               " CASE not_before_us WHEN 0 THEN 0 ELSE not_before_us + ?1 END WHERE message_id IN"
                               " (SELECT id FROM messages WHERE " OLD_CLOCK ")");
  sql_bind_int(s, 1, c->jump_us);
  sql_bind_int(s, 2, c->now_us);
  sql_bind_int(s, 3, c->life_us);
  return run(q, s, c);
}

static int shift_messages(struct sql *q, struct store_clock *c) {
  sqlite3_stmt *s = sql_use(q, "UPDATE messages SET created_us = created_us + ?1, expires_us = expires_us + ?1,"
                               " deliver_by_us = CASE deliver_by_us WHEN 0 THEN 0 ELSE deliver_by_us + ?1 END"
                               " WHERE " OLD_CLOCK);
  sql_bind_int(s, 1, c->jump_us);
  sql_bind_int(s, 2, c->now_us);
  sql_bind_int(s, 3, c->life_us);
  return run(q, s, c);
}

/* --- it was set while the gateway did not run, or nobody noticed --- */

/* When the log was written last: when the gateway ran last. 0: unknown. */
static int64_t last_event(struct sql *q) {
  sqlite3_stmt *s = sql_use(q, "SELECT coalesce(max(id), 0) FROM events");
  int64_t id = sql_step(s) == 1 ? sqlite3_column_int64(s, 0) : 0;
  sqlite3_reset(s);
  return id ? id_time_us(id) : 0;
}

/* Time in which the gateway did not run, or that only a wrong clock says has passed, is not counted towards expiry. */
static int extend(struct sql *q, struct store_clock *c) {
  int64_t last = last_event(q), away = c->now_us - last;
  if (!last || away < c->away_us) return OK;
  sqlite3_stmt *s = sql_use(q, "UPDATE messages SET expires_us = expires_us + ?1 WHERE created_us <= ?2");
  sql_bind_int(s, 1, away);
  sql_bind_int(s, 2, last);
  return run(q, s, c);
}

/* Messages of a clock that was ahead: from now on, with what was left of their waits. */
#define FROM_AHEAD "message_id IN (SELECT id FROM messages WHERE created_us > ?1)"
#define CREATED "(SELECT created_us FROM messages m WHERE m.id = message_id)"

static int bring_back(struct sql *q, struct store_clock *c) {
  sqlite3_stmt *s =
      sql_use(q, "UPDATE recipients SET next_us = ?2 + next_us - " CREATED ", not_before_us ="
                 " CASE not_before_us WHEN 0 THEN 0 ELSE ?2 + not_before_us - " CREATED " END WHERE " FROM_AHEAD);
  sql_bind_int(s, 1, c->now_us + AHEAD_US);
  sql_bind_int(s, 2, c->now_us);
  int rc = run(q, s, c);
  if (rc != OK) return rc;
  s = sql_use(q, "UPDATE messages SET expires_us = expires_us - created_us + ?2, created_us = ?2, deliver_by_us ="
                 " CASE deliver_by_us WHEN 0 THEN 0 ELSE deliver_by_us - created_us + ?2 END WHERE created_us > ?1");
  sql_bind_int(s, 1, c->now_us + AHEAD_US);
  sql_bind_int(s, 2, c->now_us);
  return run(q, s, c);
}

#define LATE "(next_us > ?2 OR (attempts > 0 AND next_us > ?3))"

/* Nothing waits longer than it can have been told to. In one pass over the recipients: it is at each start. */
static int bound(struct sql *q, struct store_clock *c) {
  sqlite3_stmt *s =
      sql_use(q, "UPDATE recipients SET next_us = CASE WHEN " LATE " THEN ?1 ELSE next_us END,"
                 " not_before_us = CASE WHEN not_before_us > ?2 THEN ?1 ELSE not_before_us END WHERE " LATE
                 " OR not_before_us > ?2");
  sql_bind_int(s, 1, c->now_us);
  sql_bind_int(s, 2, c->now_us + c->hold_us);
  sql_bind_int(s, 3, c->now_us + c->retry_us);
  int rc = run(q, s, c);
  if (rc != OK) return rc;
  s = sql_use(q, "UPDATE messages SET expires_us = ?1 WHERE expires_us > ?2");
  sql_bind_int(s, 1, c->now_us + c->life_us);
  sql_bind_int(s, 2, c->now_us + c->hold_us + c->life_us);
  return run(q, s, c);
}

int operation_clock(struct sql *q, struct store_clock *c) {
  c->changed = 0;
  int rc = OK;
  if (c->jump_us) {
    rc = shift_recipients(q, c);
    if (rc == OK) rc = shift_messages(q, c);
  } else {
    rc = extend(q, c);
  }
  if (rc == OK) rc = bring_back(q, c);
  return rc == OK ? bound(q, c) : rc;
}

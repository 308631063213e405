#include "store/housekeeping.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"

#define PURGE_EVERY_MS 60000
#define QUIET_MS 1000

void housekeeping_init(struct housekeeping *h, struct sql *q, int64_t retain_us, uint64_t now_ms) {
  *h = (struct housekeeping){.q = q,
                             .retain_us = retain_us,
                             .purge_at_ms = retain_us ? now_ms : UINT64_MAX,
                             .checkpoint_at_ms = now_ms + QUIET_MS};
}

void housekeeping_busy(struct housekeeping *h, uint64_t now_ms) {
  h->checkpoint_at_ms = now_ms + QUIET_MS;
}

/* Ids sort by time, so the oldest lines are the first of the table. True when there may be more of them. */
static bool purge(struct housekeeping *h) {
  sqlite3_stmt *s =
      sql_use(h->q, "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < ? ORDER BY id LIMIT ?)");
  sql_bind_int(s, 1, id_floor(clock_now_us() - h->retain_us));
  sql_bind_int(s, 2, PURGE_BATCH);
  int rc = sql_run(s);
  if (rc == OK) return sqlite3_changes(h->q->db) == PURGE_BATCH;
  struct reason why;
  sql_why(h->q, rc, &why);
  log_event(LOG_WARN_, NULL, "old log lines could not be purged", "reason", why.text, NULL);
  return false;
}

/* As far as readers allow; what is left waits for the next time, or for the commit that finds the log too long. */
static void checkpoint(struct housekeeping *h) {
  int code = sqlite3_wal_checkpoint_v2(h->q->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  if (sql_result(code) == OK || sql_result(code) == E_BUSY) return;
  struct reason why;
  sql_why(h->q, sql_result(code), &why);
  log_event(LOG_WARN_, NULL, "the write-ahead log could not be moved into the database", "reason", why.text, NULL);
}

uint64_t housekeeping_run(struct housekeeping *h, uint64_t now_ms) {
  if (now_ms >= h->purge_at_ms) {
    bool more = purge(h);
    h->purge_at_ms = more ? now_ms : now_ms + PURGE_EVERY_MS;
    if (more) h->checkpoint_at_ms = now_ms + QUIET_MS;
  }
  if (now_ms >= h->checkpoint_at_ms) {
    checkpoint(h);
    h->checkpoint_at_ms = UINT64_MAX;
  }
  return h->purge_at_ms < h->checkpoint_at_ms ? h->purge_at_ms : h->checkpoint_at_ms;
}

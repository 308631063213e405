#include "store/sqlite/housekeeping.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "store/sqlite/shrink.h"
#include "store/sqlite/table/idempotency_ends.h"
#include "store/sqlite/table/idempotency_index.h"
#include "store/sqlite/table/suppressions.h"

#define PURGE_EVERY_MS 60000
#define QUIET_MS 1000
/* Between two steps of indexing while there is more and mail comes, so that most of the time is the mail's; and until
 * the next when there was none: what has come last is settled by then (log_index.c). */
#define INDEX_MORE_MS 20
#define INDEX_AGAIN_MS 3000
#define BUSY_MS 100
#define SHRINK_BUSY_MS 200 /* between two steps of giving back room, while mail comes */

int housekeeping_init(struct housekeeping *h, struct sql *q, struct suppression_view *suppressed,
                      const struct store_options *options, uint64_t now_ms) {
  bool purges = suppressed || options->log_retain_us || options->log_max_size || options->idempotency_window_us;
  *h = (struct housekeeping){.q = q,
                             .suppressed = suppressed,
                             .options = *options,
                             .purge_at_ms = purges ? now_ms : UINT64_MAX,
                             .checkpoint_at_ms = now_ms + QUIET_MS,
                             .index_at_ms = now_ms,
                             .shrink_at_ms = purges ? now_ms + QUIET_MS : UINT64_MAX,
                             .index = log_index_new()};
  return h->index ? OK : E_MEMORY;
}

void housekeeping_free(struct housekeeping *h) {
  log_index_free(&h->index);
}

void housekeeping_busy(struct housekeeping *h, uint64_t now_ms) {
  h->checkpoint_at_ms = now_ms + QUIET_MS;
  h->busy_ms = now_ms;
  if (h->index_at_ms == UINT64_MAX) h->index_at_ms = now_ms + INDEX_AGAIN_MS;
}

static void warn(struct housekeeping *h, int rc, const char *what) {
  struct reason why;
  sql_why(h->q, rc, &why);
  log_event(LOG_WARN_, NULL, what, "reason", why.text, NULL);
}

/* When there was nothing more, not before something comes again. */
static uint64_t index_log(struct housekeeping *h, uint64_t now_ms) {
  bool more;
  int rc = log_index_step(h->index, h->q, &more);
  bool busy = now_ms < h->busy_ms + BUSY_MS;
  if (rc == OK) return !more ? UINT64_MAX : busy ? now_ms + INDEX_MORE_MS : now_ms;
  warn(h, rc, "the log could not be indexed; searching it takes longer");
  return now_ms + PURGE_EVERY_MS;
}

/* Ids sort by time, so the oldest lines are the first of the table. *removed: how many. */
static int remove_events(struct housekeeping *h, int64_t before, int *removed) {
  sqlite3_stmt *s =
      sql_use(h->q, "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < ? ORDER BY id LIMIT ?)");
  sql_bind_int(s, 1, before);
  sql_bind_int(s, 2, PURGE_BATCH);
  int rc = sql_run(s);
  *removed = rc == OK ? sqlite3_changes(h->q->db) : 0;
  return rc;
}

static int purge_old(struct housekeeping *h, bool *more) {
  int removed = 0;
  *more = false;
  if (!h->options.log_retain_us) return OK;
  int rc = remove_events(h, id_floor(clock_now_us() - h->options.log_retain_us), &removed);
  *more = removed == PURGE_BATCH;
  return rc;
}

/* While the log is larger than it may be, the oldest part of it goes, event by event. */
static int purge_large(struct housekeeping *h, bool *more) {
  uint64_t octets;
  int64_t last;
  int removed = 0;
  *more = false;
  int rc = h->options.log_max_size ? log_index_octets(h->q, &octets) : OK;
  if (rc != OK || !h->options.log_max_size || octets <= h->options.log_max_size) return rc;
  rc = sql_int(sql_use(h->q, "SELECT min(last) FROM log_parts"), 0, &last);
  if (rc == OK) rc = remove_events(h, last + 1, &removed);
  *more = rc == OK;
  return rc;
}

/* *more: there may be more. */
static int purge_events(struct housekeeping *h, bool *more) {
  bool more_old, more_large = false, more_parts = false;
  int rc = purge_old(h, &more_old);
  if (rc == OK && !more_old) rc = purge_large(h, &more_large);
  if (rc == OK && !more_old) rc = log_index_purge(h->q, &more_parts);
  *more = more_old || more_large || more_parts;
  return rc;
}

/* Also with a window of 0: then what an earlier configuration has left goes. */
static int purge_idempotency(struct housekeeping *h, bool *more) {
  int64_t window_us = h->options.idempotency_window_us, now_us = clock_now_us();
  bool more_ends = false;
  int rc = idempotency_index_purge(h->q, window_us, now_us, PURGE_BATCH, more);
  if (rc == OK) rc = idempotency_ends_purge(h->q, window_us, now_us, PURGE_BATCH, &more_ends);
  *more |= more_ends;
  return rc;
}

/* What has left the lists stays in the view of them; when that is more than half of it, it is built anew, a piece at a
 * time, beside the one that is asked meanwhile. */
#define VIEW_SPARE 10000 /* entries that have gone, which nobody minds */
#define VIEW_PIECE 5000
static int rebuild_view(struct housekeeping *h, bool *more) {
  uint64_t all = 0;
  *more = false;
  int rc = h->rebuilding ? OK : suppression_count(h->q, &all);
  if (rc != OK) return rc;
  if (!h->rebuilding) {
    if (suppression_view_count(h->suppressed) <= 2 * all + VIEW_SPARE &&
        suppression_view_count(h->suppressed) < SUPPRESSION_VIEW_MAX)
      return OK;
    suppression_view_rebuild_begin(h->suppressed);
    h->rebuilding = true;
    h->rebuilt = 0;
  }
  rc = suppression_load(h->q, h->suppressed, &h->rebuilt, VIEW_PIECE, more);
  if (rc != OK || *more) return rc;
  suppression_view_rebuild_end(h->suppressed);
  h->rebuilding = false;
  return OK;
}

static int purge_suppressions(struct housekeeping *h, bool *more) {
  bool more_view = false;
  *more = false;
  if (!h->suppressed) return OK;
  int rc = suppression_purge(h->q, clock_now_us(), PURGE_BATCH, more);
  if (rc == OK) rc = rebuild_view(h, &more_view);
  *more |= more_view;
  return rc;
}

/* True when there may be more. */
static bool purge(struct housekeeping *h) {
  bool more_events, more_keys = false, more_suppressions = false;
  int rc = purge_events(h, &more_events);
  if (rc == OK) rc = purge_idempotency(h, &more_keys);
  if (rc == OK) rc = purge_suppressions(h, &more_suppressions);
  if (rc == OK) return more_events || more_keys || more_suppressions;
  warn(h, rc, "old log lines could not be purged");
  return false;
}

/* When there is nothing more to give back, not before the next purge. */
static uint64_t shrink(struct housekeeping *h, uint64_t now_ms) {
  int rc = shrink_step(h->q, &h->shrinking);
  if (rc != OK) warn(h, rc, "room in the database could not be given back");
  if (rc != OK || !h->shrinking) return now_ms + PURGE_EVERY_MS;
  h->checkpoint_at_ms = now_ms + QUIET_MS;
  return now_ms < h->busy_ms + BUSY_MS ? now_ms + SHRINK_BUSY_MS : now_ms;
}

/* As far as readers allow; what is left waits for the next time, or for the commit that finds the log too long. */
static void checkpoint(struct housekeeping *h) {
  int code = sqlite3_wal_checkpoint_v2(h->q->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  if (sql_result(code) == OK || sql_result(code) == E_BUSY) return;
  warn(h, sql_result(code), "the write-ahead log could not be moved into the database");
}

static uint64_t least(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

uint64_t housekeeping_run(struct housekeeping *h, uint64_t now_ms) {
  if (now_ms >= h->purge_at_ms) {
    bool more = purge(h);
    h->purge_at_ms = more ? now_ms : now_ms + PURGE_EVERY_MS;
    if (more) h->checkpoint_at_ms = now_ms + QUIET_MS;
  }
  if (now_ms >= h->shrink_at_ms) h->shrink_at_ms = shrink(h, now_ms);
  if (now_ms >= h->checkpoint_at_ms) {
    checkpoint(h);
    h->checkpoint_at_ms = UINT64_MAX;
  }
  if (now_ms >= h->index_at_ms) h->index_at_ms = index_log(h, now_ms);
  return least(least(h->purge_at_ms, h->checkpoint_at_ms), least(h->index_at_ms, h->shrink_at_ms));
}

/* A batch is one transaction. When one of its operations fails, all is rolled back and each operation runs again in a
 * transaction of its own, so that one bad operation does not fail its neighbours. When it is the database that fails (a
 * lock that is held for long, a disk that fails), running them again one by one would only take long: all of them fail,
 * and the next batch, or writer_tend, finds a connection that was opened anew. When the disk is full, mail is refused,
 * and outcomes get what room there is, in the end the ballast. */
#include "store/sqlite/writer.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/spool.h"
#include "store/sqlite/operation/operations.h"
#include "store/sqlite/port.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/shrink.h"
#include "store/sqlite/sweep.h"
#include "store/sqlite/table/brake_row.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- life --- */

static int read_suppressions(struct writer *w, struct reason *why) {
  bool more = true;
  int rc = OK;
  while (rc == OK && more)
    rc = suppression_load(&w->at.q, w->suppressed, &w->suppressions_noticed, SUPPRESSIONS_MAX, &more);
  return rc == OK ? OK : sql_why(&w->at.q, rc, why);
}

static int read_parts(struct writer *w, const struct store_options *options, struct reason *why) {
  struct sql *q = &w->at.q;
  int rc = schema_migrate(q, why);
  if (rc == OK) rc = schema_set_node(q, why);
  if (rc == OK) rc = sweep_spool(q, w->at.data_dir, why);
  if (rc != OK) return rc;
  w->view = usage_view_new();
  w->usage = usage_table_new(q);
  w->suppressed = suppression_view_new();
  w->brake = brake_table_new(q);
  w->braked = brake_view_new();
  if (w->view && (rc = usage_read_all(q, w->view)) != OK) return sql_why(q, rc, why);
  if (w->braked && (rc = brake_rows_view(q, w->braked)) != OK) return sql_why(q, rc, why);
  w->index = idempotency_index_new(q, options->idempotency_window_us);
  bool all = w->view && w->usage && w->index && w->suppressed && w->brake && w->braked;
  if (!all) return fail(why, E_MEMORY, "out of memory");
  return read_suppressions(w, why);
}

static int open_parts(struct writer *w, const char *data_dir, const struct store_options *options, struct reason *why) {
  int rc = files_init(&w->files, data_dir, why);
  if (rc == OK) rc = renewable_open(&w->at, data_dir, SQL_WRITE, why);
  if (rc == OK) rc = renewable_begin(&w->at, why);
  if (rc == OK) shrink_prepare(&w->at.q);
  if (rc == OK) rc = renewable_end(&w->at, read_parts(w, options, why));
  if (rc != OK) return rc;
  files_make_private(&w->files);
  files_note(&w->files);
  w->opened = w->at.opened;
  w->closed = w->at.seen;
  return disk_init(&w->disk, data_dir, options->disk_reserve, why);
}

int writer_open(const char *data_dir, const struct store_options *options, struct writer *w, struct reason *why) {
  memset(w, 0, sizeof *w);
  health_init(&w->health);
  int rc = open_parts(w, data_dir, options, why);
  if (rc != OK) writer_close(w);
  return rc;
}

void writer_close(struct writer *w) {
  usage_table_free(&w->usage);
  usage_view_free(&w->view);
  brake_table_free(&w->brake);
  brake_view_free(&w->braked);
  idempotency_index_free(&w->index);
  suppression_view_free(&w->suppressed);
  renewable_close(&w->at);
  health_destroy(&w->health);
}

/* A new database beside the log of another would be damaged by it. */
static int check_leftover(const char *data_dir, struct reason *why) {
  struct files f;
  int rc = files_init(&f, data_dir, why);
  if (rc != OK || access(f.all[0].path, F_OK) == 0 || access(f.all[1].path, F_OK) != 0) return rc;
  return fail(why, E_EXISTS, "%s is left of a store whose %s has gone; put that back, or move what is left away",
              f.all[1].path, STORE_FILE);
}

int store_create(const char *data_dir, struct reason *why) {
  struct sql q;
  int rc = check_leftover(data_dir, why);
  if (rc == OK) rc = sql_open(data_dir, SQL_CREATE, &q, why);
  if (rc != OK) return rc;
  rc = schema_migrate(&q, why);
  if (rc == OK) rc = schema_set_node(&q, why);
  sql_close(&q);
  return rc;
}

/* --- one transaction --- */

static void forget_read(struct writer *w) {
  usage_table_forget(w->usage);
  brake_table_forget(w->brake);
  idempotency_index_forget(w->index);
}

/* Another connection (the command line) may have removed an account, and its usage with it. */
static void notice_others(struct writer *w) {
  int64_t version;
  if (sql_int(sql_use(&w->at.q, "PRAGMA data_version"), 0, &version) == OK && version == w->data_version) return;
  w->data_version = version;
  usage_table_forget(w->usage);
  brake_table_forget(w->brake);
  brake_rows_view(&w->at.q, w->braked); /* what cannot be read now is decided with the commit */
}

/* What was opened anew may be another file, and others may have written meanwhile. The log and its index are made anew
 * only when no connection was left. */
static int notice_opened(struct writer *w, struct reason *why) {
  if (w->opened == w->at.opened) return OK;
  w->opened = w->at.opened;
  w->data_version = -1;
  forget_read(w);
  int64_t version; /* so that the log and its index are there */
  int rc = sql_int(sql_use(&w->at.q, "PRAGMA user_version"), 0, &version);
  if (rc != OK) return sql_why(&w->at.q, rc, why);
  if (w->closed != w->at.seen) files_note(&w->files);
  w->closed = w->at.seen;
  return files_check(&w->files, why);
}

/* E_NOT_FOUND: the store has gone. On failure there is nothing to roll back or to end. */
static int begin(struct writer *w, struct reason *why) {
  w->removal_count = 0;
  int rc = renewable_begin(&w->at, why);
  if (rc != OK) return rc;
  w->at.q.impatient = w->probing;
  rc = notice_opened(w, why);
  if (rc == OK && (rc = sql_run(sql_use(&w->at.q, "BEGIN IMMEDIATE"))) != OK) sql_why(&w->at.q, rc, why);
  if (rc == OK)
    notice_others(w);
  else
    renewable_end(&w->at, rc);
  return rc;
}

static int run_one(struct writer *w, struct store_op *op) {
  bool remove_file = false;
  int rc = E_SYNTAX;
  switch ((enum operation)op->kind) {
  case OPERATION_ACCEPT:
    rc = operation_accept(&w->at.q, w->usage, w->brake, w->index, (struct store_accept *)op);
    break;
  case OPERATION_OUTCOME:
    rc = operation_outcome(&w->at.q, w->suppressed, w->brake, (struct store_outcome *)op, &remove_file);
    break;
  case OPERATION_NOTE: rc = operation_note(&w->at.q, (struct store_note *)op); break;
  case OPERATION_CLOCK: rc = operation_clock(&w->at.q, (struct store_clock *)op); break;
  case OPERATION_ROUTE_TOKEN: rc = operation_route_token(&w->at.q, (struct store_route_token *)op); break;
  case OPERATION_BLOCKLIST_NOTE: rc = operation_blocklist_note(&w->at.q, (struct store_blocklist_note *)op); break;
  case OPERATION_TLS_COUNTS: rc = operation_tls_counts(&w->at.q, (struct store_tls_counts *)op); break;
  case OPERATION_TLS_REPORT: rc = operation_tls_report(&w->at.q, (struct store_tls_report *)op); break;
  case OPERATION_WARMUP_NOTE: rc = operation_warmup_note(&w->at.q, (struct store_warmup_note *)op); break;
  case OPERATION_WARMUP_RELEASE: rc = operation_warmup_release(&w->at.q, (struct store_warmup_release *)op); break;
  case OPERATION_SOURCE_CHECK: rc = operation_source_check(&w->at.q, (struct store_source_check *)op); break;
  case OPERATION_STS_NOTE: rc = operation_sts_note(&w->at.q, (struct store_sts_note *)op); break;
  case OPERATION_SITE_NOTE: rc = operation_site_note(&w->at.q, (struct store_site_note *)op); break;
  case OPERATION_SITE_LEARNING: rc = operation_site_learning(&w->at.q, (struct store_site_learning *)op); break;
  case OPERATION_DOMAIN_NOTES: rc = operation_domain_notes(&w->at.q, (struct store_domain_notes *)op); break;
  case OPERATION_KEY_STEP: rc = operation_key_step(&w->at.q, (struct store_key_step *)op); break;
  case OPERATION_KEY_NOTE: rc = operation_key_note(&w->at.q, (struct store_key_note *)op); break;
  case OPERATION_KEY_ADD: rc = operation_key_add(&w->at.q, (struct store_key_add *)op); break;
  case OPERATION_SUPPRESSION_FIND:
    rc = operation_suppression_find(&w->at.q, (struct store_suppression_find *)op);
    break;
  case OPERATION_SUPPRESSION_NOTICE:
    rc = operation_suppression_notice(&w->at.q, w->suppressed, &w->suppressions_noticed,
                                      (struct store_suppression_notice *)op);
    break;
  }
  if (remove_file) w->removals[w->removal_count++] = ((struct store_outcome *)op)->message_id;
  op->result = rc;
  return rc == E_LIMIT || rc == E_DENIED ? OK : rc;
}

static void roll_back(struct writer *w) {
  /* SQLite has done it by itself for some errors. */
  if (!sqlite3_get_autocommit(w->at.q.db)) sql_exec(&w->at.q, "ROLLBACK");
  forget_read(w);
}

static int commit(struct writer *w, struct reason *why) {
  int rc = usage_table_write(w->usage);
  if (rc == OK) rc = brake_table_write(w->brake);
  if (rc == OK) rc = sql_run(sql_use(&w->at.q, "COMMIT"));
  return rc == OK ? files_check(&w->files, why) : rc;
}

static void clean_up(struct writer *w) {
  usage_table_publish(w->usage, w->view);
  brake_table_publish(w->brake, w->braked);
  for (size_t i = 0; i < w->removal_count; i++) spool_remove(w->at.data_dir, w->removals[i]);
}

static int run_begun(struct writer *w, struct store_op *batch, struct reason *why) {
  uint64_t n = 0;
  int rc = OK;
  why->text[0] = '\0';
  for (struct store_op *op = batch; rc == OK && op; op = op->next, n++) rc = run_one(w, op);
  if (rc == E_NOT_FOUND) rc = E_SYNTAX; /* an operation's own; the store's is that it has gone */
  if (rc == OK) rc = commit(w, why);
  if (rc != OK) {
    if (!why->text[0]) sql_why(&w->at.q, rc, why);
    roll_back(w);
    return rc;
  }
  clean_up(w);
  w->operations += n;
  w->commits++;
  return OK;
}

/* Commits the whole batch, or leaves nothing of it. E_NOT_FOUND: the store has gone. */
static int run_batch(struct writer *w, struct store_op *batch, struct reason *why) {
  int rc = begin(w, why);
  if (rc == OK) rc = renewable_end(&w->at, run_begun(w, batch, why));
  if (rc != OK) w->failed_commits++;
  return rc;
}

/* --- how it is --- */

#define TEND_MS 1000
#define CLOSE_ALL_AFTER 2 /* times in a row that it was locked */

/* The database's trouble, and so everybody's; anything else is one operation's own. */
static bool concerns_all(int rc) {
  return rc == E_IO || rc == E_BUSY || rc == E_FULL || rc == E_NOT_FOUND;
}

static void tend_by(struct writer *w, uint64_t ms) {
  if (w->tend_at_ms > ms) w->tend_at_ms = ms;
}

/* The one place that says how the store is. */
static void note(struct writer *w, int rc, const struct reason *why) {
  enum store_state state = rc == E_NOT_FOUND ? STORE_LOST
                           : rc == E_BUSY    ? STORE_LOCKED
                           : rc == E_FULL    ? STORE_FULL
                           : rc == E_IO      ? STORE_FAILING
                                             : STORE_GOOD;
  bool was_good = health_state(&w->health) == STORE_GOOD;
  w->locked = state == STORE_LOCKED ? w->locked + 1 : 0;
  if (state == STORE_LOCKED || !was_good)
    tend_by(w, clock_monotonic_ms() + TEND_MS);
  else if (state != STORE_GOOD || disk_wants_ballast(&w->disk))
    tend_by(w, 0); /* what fails once is tried at once */
  health_set(&w->health, state, why);
}

/* Perhaps no other command has it locked, but nobody: a lock that was never released. Not for any other trouble: a
 * commit whose sync failed is undone in memory, but whole in the log, and who opens that first would bring it back. */
static void free_locks(struct writer *w) {
  uint64_t now = clock_monotonic_ms();
  if (w->locked < CLOSE_ALL_AFTER || now - w->closed_all_ms < TEND_MS) return;
  w->closed_all_ms = now;
  renewable_close_all();
}

/* --- a full disk --- */

/* What is in the database need no longer be in its log, which then begins anew in the room that it has. */
static void empty_log(struct writer *w) {
  if (renewable_begin(&w->at, NULL) != OK) return;
  sqlite3_wal_checkpoint_v2(w->at.q.db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
  renewable_end(&w->at, OK);
}

/* With all the room that can be had. */
static int run_with_room(struct writer *w, struct store_op *batch, struct reason *why) {
  int rc = run_batch(w, batch, why);
  if (rc != E_FULL) return rc;
  empty_log(w);
  rc = run_batch(w, batch, why);
  return rc == E_FULL && disk_give_up_ballast(&w->disk) ? run_batch(w, batch, why) : rc;
}

static bool takes_room(const struct store_op *op) {
  return op->kind != OPERATION_OUTCOME && op->kind != OPERATION_SUPPRESSION_FIND &&
         op->kind != OPERATION_SUPPRESSION_NOTICE;
}

static void fail_one(struct store_op *op, int rc, const struct reason *why) {
  op->result = rc == E_NOT_FOUND ? E_IO : rc; /* whoever waits need not know the store's own codes */
  op->why = *why;
}

/* Completes the operations that are not outcomes as refused; returns the others. */
static struct store_op *refuse_for_room(struct store_op *batch, const struct reason *why) {
  struct store_op *rest = NULL, **end = &rest;
  while (batch) {
    struct store_op *op = batch;
    batch = op->next;
    if (takes_room(op)) {
      fail_one(op, E_FULL, why);
      port_complete(op);
    } else {
      *end = op;
      end = &op->next;
    }
  }
  *end = NULL;
  return rest;
}

/* --- a batch, whatever happens --- */

static void report(const char *what, const struct reason *why) {
  log_event(LOG_ERROR_, NULL, what, "reason", why->text, NULL);
}

static int run_alone(struct writer *w, struct store_op *op, struct reason *why) {
  op->next = NULL;
  int rc = run_batch(w, op, why);
  if (rc == OK) return OK;
  fail_one(op, rc, why);
  if (!concerns_all(rc)) report("the store cannot keep an operation", why);
  return rc;
}

/* After a batch failed for one of its operations: each alone, as long as the database itself is well. What does not fit
 * on the disk together may fit in part. */
static void complete(struct writer *w, struct store_op *batch, int rc, struct reason *why) {
  bool alone = rc != OK && (rc == E_FULL || !concerns_all(rc)), ran_alone = alone;
  while (batch) {
    struct store_op *op = batch;
    batch = op->next;
    if (alone)
      alone = !concerns_all(rc = run_alone(w, op, why));
    else if (rc != OK)
      fail_one(op, rc, why);
    port_complete(op);
  }
  if (ran_alone) note(w, rc, why);
}

/* Locks that had gone wrong are fresh now (renewable.h), and nothing was written: once more. */
static int run_once_more(struct writer *w, struct store_op *batch, struct reason *why) {
  int rc = run_batch(w, batch, why);
  return rc == E_IO && sql_trouble() == SQL_TROUBLE_LOCKS ? run_batch(w, batch, why) : rc;
}

static int run_well(struct writer *w, struct store_op **batch, struct reason *why) {
  int rc = health_state(&w->health) == STORE_LOST ? files_check(&w->files, why) : OK;
  if (rc != OK) return rc;
  free_locks(w);
  rc = run_once_more(w, *batch, why);
  if (rc != E_FULL) return rc;
  *batch = refuse_for_room(*batch, why);
  return *batch ? run_with_room(w, *batch, why) : E_FULL;
}

void writer_run(struct writer *w, struct store_op *batch) {
  struct reason why = {""};
  int rc = run_well(w, &batch, &why);
  note(w, rc, &why); /* before those who wait for it ask how it is */
  complete(w, batch, rc, &why);
}

/* --- in between --- */

/* Writes something of no account, and keeps it. */
static int probe_begun(struct writer *w, struct reason *why) {
  sqlite3_stmt *s = sql_use(&w->at.q, "INSERT INTO meta(key, value) VALUES ('probe', ?1)"
                                      " ON CONFLICT(key) DO UPDATE SET value = ?1");
  sql_bind_int(s, 1, clock_now_us());
  int rc = sql_run(s);
  why->text[0] = '\0';
  if (rc == OK) rc = commit(w, why);
  if (rc == OK) return OK;
  if (!why->text[0]) sql_why(&w->at.q, rc, why);
  roll_back(w);
  return rc;
}

/* Nobody waits for it, but it would keep others waiting. */
static int probe(struct writer *w, struct reason *why) {
  w->probing = true;
  int rc = begin(w, why);
  if (rc == OK) rc = renewable_end(&w->at, probe_begun(w, why));
  w->probing = false;
  return rc;
}

/* Deliveries wait for this (store_records), so it gets all the room that an outcome would get. */
static void try_again(struct writer *w) {
  struct reason why;
  int rc = files_check(&w->files, &why);
  if (rc == OK) {
    free_locks(w);
    rc = probe(w, &why);
  }
  if (rc == E_FULL) empty_log(w);
  if (rc == E_FULL) rc = probe(w, &why);
  if (rc == E_FULL && disk_give_up_ballast(&w->disk)) rc = probe(w, &why);
  note(w, rc, &why);
}

static bool is_well(const struct writer *w) {
  return health_state(&w->health) == STORE_GOOD && !disk_wants_ballast(&w->disk);
}

uint64_t writer_tend(struct writer *w, uint64_t now_ms) {
  if (now_ms < w->tend_at_ms) return w->tend_at_ms;
  if (health_state(&w->health) != STORE_GOOD) try_again(w);
  if (disk_wants_ballast(&w->disk)) disk_make_ballast(&w->disk);
  return w->tend_at_ms = is_well(w) ? UINT64_MAX : now_ms + TEND_MS;
}

/* A batch is one transaction. When one of its operations fails, all is rolled back and each operation runs again in a
 * transaction of its own, so that one bad operation does not fail its neighbours. When it is the database that fails (a
 * full disk, a lock that is held for long), running them again one by one would only take long: all of them fail. */
#include "store/sqlite/writer.h"

#include "base/log.h"
#include "store/spool.h"
#include "store/sqlite/operations.h"
#include "store/sqlite/port.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/sweep.h"

#include <stdlib.h>
#include <string.h>

/* --- life --- */

static int open_parts(struct writer *w, const char *data_dir, int64_t idempotency_window_us, struct reason *why) {
  int rc = sql_open(data_dir, SQL_CREATE, &w->q, why);
  if (rc == OK) rc = schema_migrate(&w->q, why);
  if (rc == OK) rc = schema_set_node(&w->q, why);
  if (rc == OK) rc = sweep_spool(&w->q, data_dir, why);
  if (rc != OK) return rc;
  w->data_dir = strdup(data_dir);
  w->view = usage_view_new();
  w->usage = usage_table_new(&w->q);
  if (w->view && (rc = usage_read_all(&w->q, w->view)) != OK) return sql_why(&w->q, rc, why);
  w->index = idempotency_index_new(&w->q, idempotency_window_us);
  return w->data_dir && w->view && w->usage && w->index ? OK : fail(why, E_MEMORY, "out of memory");
}

int writer_open(const char *data_dir, int64_t idempotency_window_us, struct writer *w, struct reason *why) {
  memset(w, 0, sizeof *w);
  int rc = open_parts(w, data_dir, idempotency_window_us, why);
  if (rc != OK) writer_close(w);
  return rc;
}

void writer_close(struct writer *w) {
  usage_table_free(&w->usage);
  usage_view_free(&w->view);
  idempotency_index_free(&w->index);
  sql_close(&w->q);
  free(w->data_dir);
  w->data_dir = NULL;
}

int store_create(const char *data_dir, struct reason *why) {
  struct sql q;
  int rc = sql_open(data_dir, SQL_CREATE, &q, why);
  if (rc != OK) return rc;
  rc = schema_migrate(&q, why);
  if (rc == OK) rc = schema_set_node(&q, why);
  sql_close(&q);
  return rc;
}

/* --- one transaction --- */

/* Another connection (the command line) may have removed an account, and its usage with it. */
static void notice_others(struct writer *w) {
  int64_t version;
  if (sql_int(sql_use(&w->q, "PRAGMA data_version"), 0, &version) == OK && version == w->data_version) return;
  w->data_version = version;
  usage_table_forget(w->usage);
}

static int begin(struct writer *w) {
  w->removal_count = 0;
  int rc = sql_run(sql_use(&w->q, "BEGIN IMMEDIATE"));
  if (rc == OK) notice_others(w);
  return rc;
}

static int run_one(struct writer *w, struct store_op *op) {
  bool remove_file = false;
  int rc = E_SYNTAX;
  switch ((enum operation)op->kind) {
  case OPERATION_ACCEPT: rc = operation_accept(&w->q, w->usage, w->index, (struct store_accept *)op); break;
  case OPERATION_OUTCOME: rc = operation_outcome(&w->q, (struct store_outcome *)op, &remove_file); break;
  case OPERATION_NOTE: rc = operation_note(&w->q, (struct store_note *)op); break;
  case OPERATION_CLOCK: rc = operation_clock(&w->q, (struct store_clock *)op); break;
  }
  if (remove_file) w->removals[w->removal_count++] = ((struct store_outcome *)op)->message_id;
  op->result = rc;
  return rc == E_LIMIT || rc == E_DENIED ? OK : rc;
}

static void roll_back(struct writer *w) {
  /* SQLite has done it by itself for some errors. */
  if (!sqlite3_get_autocommit(w->q.db)) sql_exec(&w->q, "ROLLBACK");
  usage_table_forget(w->usage);
  idempotency_index_forget(w->index);
}

/* Commits the whole batch, or leaves nothing of it. */
static int run_batch(struct writer *w, struct store_op *batch, struct reason *why) {
  uint64_t n = 0;
  int rc = begin(w);
  for (struct store_op *op = batch; rc == OK && op; op = op->next, n++) rc = run_one(w, op);
  if (rc == OK) rc = usage_table_write(w->usage);
  if (rc == OK) rc = sql_run(sql_use(&w->q, "COMMIT"));
  if (rc != OK) {
    sql_why(&w->q, rc, why);
    roll_back(w);
    w->failed_commits++;
    return rc;
  }
  usage_table_publish(w->usage, w->view);
  for (size_t i = 0; i < w->removal_count; i++) spool_remove(w->data_dir, w->removals[i]);
  w->operations += n;
  w->commits++;
  return OK;
}

/* --- a batch, whatever happens --- */

/* The database's trouble, and so everybody's; anything else is one operation's own. */
static bool concerns_all(int rc) {
  return rc == E_IO || rc == E_BUSY;
}

static void fail_one(struct store_op *op, int rc, const struct reason *why) {
  op->result = rc;
  op->why = *why;
}

static void report(const char *what, const struct reason *why) {
  log_event(LOG_ERROR_, NULL, what, "reason", why->text, NULL);
}

/* After a batch failed for `rc`: each alone, as long as the database itself is well. */
static int run_alone(struct writer *w, struct store_op *op, struct reason *why) {
  op->next = NULL;
  int rc = run_batch(w, op, why);
  if (rc == OK) return OK;
  fail_one(op, rc, why);
  report("the store cannot keep an operation", why);
  return rc;
}

void writer_run(struct writer *w, struct store_op *batch) {
  struct reason why;
  int rc = run_batch(w, batch, &why);
  if (rc != OK && concerns_all(rc)) report("the store cannot commit", &why);
  bool again = rc != OK;
  while (batch) {
    struct store_op *op = batch;
    batch = op->next;
    if (again && !concerns_all(rc))
      rc = run_alone(w, op, &why);
    else if (again)
      fail_one(op, rc, &why);
    port_complete(op);
  }
}

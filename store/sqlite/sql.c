#include "store/sqlite/sql.h"

#include "base/clock.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS 5000
#define BUSY_SLEEP_MS 10
#define PATH_ROOM 4096
#define TEXT_OF(number) TEXT_OF_(number)
#define TEXT_OF_(number) #number

/* --- what SQLite's codes mean --- */

int sql_result(int code) {
  switch (code & 0xff) {
  case SQLITE_OK:
  case SQLITE_DONE:
  case SQLITE_ROW: return OK;
  case SQLITE_CONSTRAINT:
    return code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID
               ? E_EXISTS
               : E_SYNTAX;
  case SQLITE_MISMATCH: return E_SYNTAX;
  case SQLITE_TOOBIG: return E_TOO_BIG;
  case SQLITE_BUSY:
  case SQLITE_LOCKED: return E_BUSY;
  case SQLITE_NOMEM: return E_MEMORY;
  case SQLITE_FULL: return E_FULL;
  default: return E_IO;
  }
}

static bool is_locks_trouble(int code) {
  return (code & 0xff) == SQLITE_PROTOCOL;
}

/* A disk also says that it is full when a file is synced, or when the index of the log is to grow. */
static bool is_no_room(sqlite3 *db, int code) {
  int sqlite = code & 0xff, system = sqlite3_system_errno(db);
  return (sqlite == SQLITE_IOERR || sqlite == SQLITE_CANTOPEN) && (system == ENOSPC || system == EDQUOT);
}

static _Thread_local enum sql_trouble trouble;

enum sql_trouble sql_trouble(void) {
  return trouble;
}

void sql_trouble_forget(void) {
  trouble = SQL_TROUBLE_NONE;
}

static int result_of(sqlite3 *db, int code) {
  int rc = is_no_room(db, code) ? E_FULL : sql_result(code);
  if (is_locks_trouble(code))
    trouble = SQL_TROUBLE_LOCKS;
  else if (rc == E_IO && trouble == SQL_TROUBLE_NONE)
    trouble = SQL_TROUBLE_DATABASE;
  return rc;
}

int sql_why(struct sql *q, int code, struct reason *why) {
  if (!q->db) return fail(why, code, "the store: %s", result_text(code));
  int sqlite = sqlite3_errcode(q->db) & 0xff;
  if (sqlite == SQLITE_OK || sqlite == SQLITE_ROW || sqlite == SQLITE_DONE) /* not SQLite's own refusal */
    return fail(why, code, "the store: %s", result_text(code));
  if (sqlite == SQLITE_BUSY)
    return fail(why, code, "the store has been locked by another command for more than %d seconds; try again",
                BUSY_MS / 1000);
  int system = sqlite == SQLITE_IOERR || sqlite == SQLITE_CANTOPEN ? sqlite3_system_errno(q->db) : 0;
  const char *file = sqlite3_db_filename(q->db, "main");
  return fail(why, code, "%s: %s%s%s", file ? file : "the store", sqlite3_errmsg(q->db), system ? ": " : "",
              system ? strerror(system) : "");
}

/* --- waiting --- */

/* What is locked by a command is free again in a moment: it is asked for often, and not for long. */
static int on_busy(void *arg, int times) {
  struct sql *q = arg;
  uint64_t now = clock_monotonic_ms();
  if (q->impatient) return 0;
  if (times == 0) q->busy_until_ms = now + BUSY_MS;
  if (now >= q->busy_until_ms) return 0;
  sqlite3_sleep(times < BUSY_SLEEP_MS ? times + 1 : BUSY_SLEEP_MS);
  return 1;
}

/* SQLite looks a hundred times for a place among the readers, ten seconds in all, before it gives up (SQLITE_PROTOCOL).
 * Nobody else holds such a place for longer than an instant: what that wait meets are locks that have gone wrong. So it
 * is cut to two seconds; a longer sleep is nowhere needed. */
#define SLEEP_MOST_US 25000
#define VFS_NAME "sendoff"

static sqlite3_vfs vfs;
static int (*sleep_of_system)(sqlite3_vfs *v, int us);

static int short_sleep(sqlite3_vfs *v, int us) {
  return sleep_of_system(v, us < SLEEP_MOST_US ? us : SLEEP_MOST_US);
}

static void register_vfs(void) {
  const sqlite3_vfs *system = sqlite3_vfs_find(NULL);
  if (!system) return;
  vfs = *system;
  vfs.pNext = NULL;
  vfs.zName = VFS_NAME;
  sleep_of_system = vfs.xSleep;
  vfs.xSleep = short_sleep;
  sqlite3_vfs_register(&vfs, 0);
}

/* --- opening --- */

/* The log is what makes commits cheap and readers free: without it nothing here holds, so it is not taken for granted.
 */
static int use_wal(struct sql *q) {
  sqlite3_stmt *s;
  int code = sqlite3_prepare_v2(q->db, "PRAGMA journal_mode=WAL", -1, &s, NULL);
  if (code != SQLITE_OK) return result_of(q->db, code);
  int rc = sql_step(s);
  bool wal = rc == 1 && strcmp(sql_text(s, 0), "wal") == 0;
  sqlite3_finalize(s);
  return wal ? OK : rc == 1 ? E_IO : rc;
}

static int settle(struct sql *q, enum sql_open how) {
  static const char *const each[] = {
      [SQL_READ] = "PRAGMA query_only=ON",
      /* Debian's SQLite overwrites whatever is deleted. Right for keys; for the mail that passes through it costs a
       * tenth to a fifth of the rate, and keeps nothing from whoever can read this file anyway. */
      [SQL_ADMIN] = "PRAGMA secure_delete=ON",
      [SQL_WRITE] = "PRAGMA secure_delete=OFF",
      [SQL_CREATE] = "PRAGMA secure_delete=OFF",
  };
  sqlite3_extended_result_codes(q->db, 1);
  sqlite3_busy_handler(q->db, on_busy, q);
  /* No mmap: a disk that fails must give an error to answer with, not a SIGBUS. */
  int rc = sql_exec(q, "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-16000; PRAGMA mmap_size=0");
  /* Before there is anything in it, so that it can shrink (shrink.h). */
  if (rc == OK && how == SQL_CREATE) rc = sql_exec(q, "PRAGMA auto_vacuum=INCREMENTAL");
  if (rc == OK && how != SQL_READ) {
    rc = use_wal(q);
    /* FULL in WAL mode syncs the log at every commit: the promise behind every 250. */
    if (rc == OK)
      rc = sql_exec(q, "PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=" TEXT_OF(
                           SQL_WAL_PAGES) "; PRAGMA journal_size_limit=67108864");
  }
  return rc == OK ? sql_exec(q, each[how]) : rc;
}

/* Accounts' verifiers and private keys are in it, so it is nobody else's to read; SQLite gives its other files the mode
 * of this one. By mode and not by umask, which is the whole process's. */
static int make_file(const char *path, struct reason *why) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return errno == EEXIST ? OK : fail(why, E_IO, "%s: %s", path, strerror(errno));
  close(fd);
  return OK;
}

static int check_file(const char *path, struct reason *why) {
  if (access(path, F_OK) == 0) return OK;
  if (errno != ENOENT) return fail(why, E_IO, "%s: %s", path, strerror(errno));
  return fail(why, E_NOT_FOUND, "there is no store at %s; put it back, or make an empty one with: sendoff init", path);
}

/* A reader asks for write access too: after a crash it may have to build the index of the log anew. */
int sql_open(const char *data_dir, enum sql_open how, struct sql *q, struct reason *why) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  char path[PATH_ROOM];
  pthread_once(&once, register_vfs);
  memset(q, 0, sizeof *q);
  int n = snprintf(path, sizeof path, "%s/%s", data_dir, STORE_FILE);
  if (n < 0 || (size_t)n >= sizeof path) return fail(why, E_TOO_BIG, "the path of the store is too long");
  int rc = how == SQL_CREATE ? make_file(path, why) : check_file(path, why);
  if (rc != OK) return rc;
  int code = sqlite3_open_v2(path, &q->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs.zName);
  rc = code == SQLITE_OK ? settle(q, how) : q->db ? result_of(q->db, code) : E_MEMORY;
  if (rc == OK) return OK;
  if (q->db)
    sql_why(q, rc, why);
  else
    fail(why, rc, "%s: out of memory", path);
  sql_close(q);
  return rc;
}

void sql_close(struct sql *q) {
  for (size_t i = 0; i < q->count; i++) sqlite3_finalize(q->prepared[i].statement);
  if (q->db) sqlite3_close(q->db);
  memset(q, 0, sizeof *q);
}

/* --- statements --- */

sqlite3_stmt *sql_use(struct sql *q, const char *text) {
  for (size_t i = 0; i < q->count; i++)
    if (q->prepared[i].text == text) {
      sqlite3_reset(q->prepared[i].statement);
      return q->prepared[i].statement;
    }
  sqlite3_stmt *s = NULL;
  if (q->count == SQL_STATEMENTS_MAX) return NULL;
  int code = sqlite3_prepare_v3(q->db, text, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL);
  if (code != SQLITE_OK) {
    result_of(q->db, code);
    return NULL;
  }
  q->prepared[q->count].text = text;
  q->prepared[q->count++].statement = s;
  return s;
}

/* A value that cannot be bound (over SQLite's own limit) is NULL, and no column that matters takes NULL. */
void sql_bind_text(sqlite3_stmt *s, int at, const char *text) {
  sql_bind_text_or_null(s, at, text ? text : "");
}

void sql_bind_text_or_null(sqlite3_stmt *s, int at, const char *text) {
  if (s && text) sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC);
  if (s && !text) sqlite3_bind_null(s, at);
}

void sql_bind_blob(sqlite3_stmt *s, int at, struct bytes data) {
  if (s) sqlite3_bind_blob64(s, at, data.len ? data.at : "", data.len, SQLITE_STATIC);
}

void sql_bind_int(sqlite3_stmt *s, int at, int64_t value) {
  if (s) sqlite3_bind_int64(s, at, value);
}

int sql_run(sqlite3_stmt *s) {
  if (!s) return E_IO;
  int code = sqlite3_step(s);
  int rc = result_of(sqlite3_db_handle(s), code);
  sqlite3_reset(s);
  return rc;
}

int sql_step(sqlite3_stmt *s) {
  if (!s) return E_IO;
  int code = sqlite3_step(s);
  if (code == SQLITE_ROW) return 1;
  int rc = code == SQLITE_DONE ? 0 : result_of(sqlite3_db_handle(s), code);
  sqlite3_reset(s);
  return rc;
}

int sql_exec(struct sql *q, const char *text) {
  return result_of(q->db, sqlite3_exec(q->db, text, NULL, NULL, NULL));
}

int sql_int(sqlite3_stmt *s, int64_t otherwise, int64_t *out) {
  *out = otherwise;
  int rc = sql_step(s);
  if (rc != 1) return rc;
  if (sqlite3_column_type(s, 0) != SQLITE_NULL) *out = sqlite3_column_int64(s, 0);
  sqlite3_reset(s);
  return OK;
}

const char *sql_text(sqlite3_stmt *s, int column) {
  const char *text = (const char *)sqlite3_column_text(s, column);
  return text ? text : "";
}

struct bytes sql_blob(sqlite3_stmt *s, int column) {
  const void *at = sqlite3_column_blob(s, column);
  int len = sqlite3_column_bytes(s, column);
  return at && len > 0 ? (struct bytes){at, (size_t)len} : (struct bytes){"", 0};
}

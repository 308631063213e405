/* SQLite, as this folder uses it: a connection with its statements, prepared once each. Private to store/. One thread
 * at a time. */
#ifndef SENDOFF_STORE_SQLITE_SQL_H
#define SENDOFF_STORE_SQLITE_SQL_H

#include "base/bytes.h"
#include "base/result.h"

#include <sqlite3.h>
#include <stdbool.h>

#define SQL_STATEMENTS_MAX 128
#define SQL_WAL_PAGES 8192 /* of 4 KB: a commit that leaves the log longer than this moves it into the database */

struct sql {
  sqlite3 *db;
  struct {
    const char *text; /* compared as a pointer: give literals */
    sqlite3_stmt *statement;
  } prepared[SQL_STATEMENTS_MAX];
  size_t count;
  uint64_t busy_until_ms; /* while it waits for a lock */
  bool impatient;         /* it does not wait */
};

/* SQL_READ never writes a row. SQL_ADMIN overwrites what it deletes (keys, verifiers). SQL_WRITE is the gateway's,
 * SQL_CREATE the same for a store that may not be there yet: the others never make one. */
enum sql_open { SQL_READ, SQL_ADMIN, SQL_WRITE, SQL_CREATE };
/* WAL, synchronous=FULL, waits five seconds for a locked database. E_NOT_FOUND, E_IO, E_FULL, E_BUSY. Its address stays
 * where it is until sql_close. */
int sql_open(const char *data_dir, enum sql_open how, struct sql *q, struct reason *why);
void sql_close(struct sql *q);

/* A fresh statement for this text, or NULL when it cannot be prepared (sql_why says). */
sqlite3_stmt *sql_use(struct sql *q, const char *text);
/* NULL becomes "". The text must live until the statement has run. */
void sql_bind_text(sqlite3_stmt *s, int at, const char *text);
void sql_bind_text_or_null(sqlite3_stmt *s, int at, const char *text); /* NULL stays NULL */
void sql_bind_blob(sqlite3_stmt *s, int at, struct bytes data);
void sql_bind_int(sqlite3_stmt *s, int at, int64_t value);
/* Runs a statement that gives no rows, and resets it. OK, or what sql_result says. A NULL statement gives E_IO. */
int sql_run(sqlite3_stmt *s);
/* 1 a row, 0 the end (reset), or an error (reset). */
int sql_step(sqlite3_stmt *s);
int sql_exec(struct sql *q, const char *text);
/* One integer: the first column of the first row; `otherwise` when there is none. OK or an error. */
int sql_int(sqlite3_stmt *s, int64_t otherwise, int64_t *out);
const char *sql_text(sqlite3_stmt *s, int column); /* never NULL; lives until the next step */
struct bytes sql_blob(sqlite3_stmt *s, int column);
/* SQLite's code in ours: E_EXISTS for uniqueness, E_SYNTAX for values that the tables do not take, E_TOO_BIG, E_MEMORY,
 * E_BUSY for a lock held by others, E_FULL for a full disk, and E_IO for all else that is the disk's or the database's
 * own trouble. */
int sql_result(int sqlite_code);
/* What this thread's calls have met since it was forgotten: more than E_IO says. */
enum sql_trouble {
  SQL_TROUBLE_NONE,
  SQL_TROUBLE_DATABASE, /* the disk's or the database's own: a connection that was opened anew may do better */
  SQL_TROUBLE_LOCKS     /* of the locks that SQLite keeps for all connections of the process: they go together */
};
enum sql_trouble sql_trouble(void);
void sql_trouble_forget(void);
int sql_why(struct sql *q, int code, struct reason *why); /* fills `why` with SQLite's text; returns code */

#endif

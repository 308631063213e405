/* The copy is made by SQLite's own backup, in small parts, of one read transaction: what is committed meanwhile is not
 * in it, and does not make it begin anew. Nobody waits for a reader; only the write-ahead log cannot begin from its
 * start until the database is copied.
 *
 * The files come after the database. A message's file is there before its row, and goes after it; so every message of
 * the copy had its file at that instant, and one whose file has gone since has been delivered or returned: it is taken
 * out of the copy, and what became of it goes into the copy's log. Files of later messages are not looked at. */
#include "store/backup.h"

#include "base/clock.h"
#include "base/mail/envelope.h"
#include "base/text/quantity.h"
#include "store/disk.h"
#include "store/read.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/table/events.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#define STEP_PAGES 256 /* a megabyte */
#define BUSY_MS 5000
#define PATH_ROOM 4096

struct backup {
  char *data_dir;
  struct sql from, copy;
  sqlite3_backup *under_way;
  struct reader *log; /* what became of messages meanwhile */
  int64_t last;       /* the message whose file was asked for last */
  int64_t *missing;   /* messages without a file */
  size_t missing_count, missing_room;
};

/* --- the database --- */

/* A failure leaves nothing that anybody uses, so nothing is journalled or synced here; whoever reads the copy syncs
 * what is made of it. */
static int open_copy(const char *path, struct sql *q, struct reason *why) {
  int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail(why, errno == ENOSPC ? E_FULL : E_IO, "%s: %s", path, strerror(errno));
  close(fd);
  memset(q, 0, sizeof *q);
  if (sqlite3_open_v2(path, &q->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
    return q->db ? sql_why(q, E_IO, why) : fail(why, E_MEMORY, "out of memory");
  sqlite3_extended_result_codes(q->db, 1);
  int rc = sql_exec(q, "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;"
                       " PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0");
  return rc == OK ? OK : sql_why(q, rc, why);
}

static int begin_reading(struct backup *b, struct reason *why) {
  int64_t ignored;
  int rc = sql_exec(&b->from, "BEGIN");
  if (rc == OK) rc = sql_int(sql_use(&b->from, "SELECT count(*) FROM meta"), 0, &ignored);
  return rc == OK ? OK : sql_why(&b->from, rc, why);
}

static int begin(struct backup *b, const char *path, struct reason *why) {
  int rc = sql_open(b->data_dir, SQL_READ, &b->from, why);
  if (rc == OK) rc = schema_check(&b->from, why);
  if (rc == OK) rc = reader_open(b->data_dir, &b->log, why);
  if (rc == OK) rc = open_copy(path, &b->copy, why);
  if (rc == OK) rc = begin_reading(b, why);
  if (rc != OK) return rc;
  b->under_way = sqlite3_backup_init(b->copy.db, "main", b->from.db, "main");
  return b->under_way ? OK : sql_why(&b->copy, sql_result(sqlite3_extended_errcode(b->copy.db)), why);
}

int backup_begin(const char *data_dir, const char *path, struct backup **out, struct reason *why) {
  struct backup *b = *out = calloc(1, sizeof *b);
  if (!b) return fail(why, E_MEMORY, "out of memory");
  b->data_dir = strdup(data_dir);
  int rc = b->data_dir ? begin(b, path, why) : fail(why, E_MEMORY, "out of memory");
  if (rc != OK) backup_free(out);
  return rc;
}

void backup_free(struct backup **at) {
  struct backup *b = *at;
  *at = NULL;
  if (!b) return;
  if (b->under_way) sqlite3_backup_finish(b->under_way);
  sql_close(&b->copy);
  sql_close(&b->from);
  if (b->log) reader_close(&b->log);
  free(b->missing);
  free(b->data_dir);
  free(b);
}

/* The disk is the gateway's, too: as long as the part took, it has it for itself. */
static void give_way(uint64_t since_ms) {
  uint64_t ms = clock_monotonic_ms() - since_ms;
  nanosleep(&(struct timespec){(time_t)(ms / 1000), (long)(ms % 1000) * 1000000}, NULL);
}

static int step(struct backup *b) {
  uint64_t until_ms = clock_monotonic_ms() + BUSY_MS;
  int code;
  while ((code = sqlite3_backup_step(b->under_way, STEP_PAGES)) == SQLITE_BUSY || code == SQLITE_LOCKED) {
    if (clock_monotonic_ms() > until_ms) return code;
    sqlite3_sleep(10);
  }
  return code;
}

/* The copy is no write-ahead log's: it is one file. */
static int settle_copy(struct backup *b, struct reason *why) {
  int code = sqlite3_backup_finish(b->under_way);
  b->under_way = NULL;
  int rc = sql_result(code);
  if (rc == OK) rc = sql_exec(&b->from, "ROLLBACK");
  if (rc != OK) return sql_why(&b->from, rc, why);
  sqlite3_stmt *s = sql_use(&b->copy, "PRAGMA journal_mode=DELETE");
  rc = sql_step(s);
  if (rc == 1) rc = strcmp(sql_text(s, 0), "delete") == 0 ? OK : E_IO;
  if (s) sqlite3_reset(s);
  return rc == OK ? OK : sql_why(&b->copy, rc, why);
}

int backup_step(struct backup *b, uint64_t *octets, uint64_t *of, struct reason *why) {
  uint64_t begin_ms = clock_monotonic_ms();
  int code = step(b);
  int64_t page;
  if (sql_int(sql_use(&b->from, "PRAGMA page_size"), 0, &page) != OK) page = 0;
  *of = (uint64_t)page * (uint64_t)sqlite3_backup_pagecount(b->under_way);
  *octets = *of - (uint64_t)page * (uint64_t)sqlite3_backup_remaining(b->under_way);
  if (code == SQLITE_DONE) return settle_copy(b, why);
  if (code == SQLITE_OK) {
    give_way(begin_ms);
    return 1;
  }
  return fail(why, sql_result(code), "the copy of the store: %s", sqlite3_errstr(code));
}

int backup_check_room(const struct backup *b, uint64_t reserve, int fd, struct reason *why) {
  struct stat data, file;
  struct statvfs v;
  if (stat(b->data_dir, &data) != 0 || fstat(fd, &file) != 0 || data.st_dev != file.st_dev) return OK;
  if (fstatvfs(fd, &v) != 0) return OK;
  uint64_t free_now = (uint64_t)v.f_bavail * v.f_frsize,
           kept = disk_reserve_of(reserve, (uint64_t)v.f_blocks * v.f_frsize);
  if (!kept || free_now > kept) return OK;
  char has[40], wants[40];
  size_format(free_now, has, sizeof has);
  size_format(kept, wants, sizeof wants);
  return fail(why, E_FULL, "%s free on the disk of %s, and %s of it are kept for mail; name a file on another disk",
              has, b->data_dir, wants);
}

/* --- what is in it --- */

static int count_all(struct sql *q, struct backup_counts *out) {
  const struct {
    const char *text;
    uint64_t *to;
  } all[] = {{"SELECT count(*) FROM accounts", &out->accounts},
             {"SELECT count(*) FROM domains", &out->domains},
             {"SELECT count(*) FROM keys", &out->keys},
             {"SELECT count(*) FROM sources", &out->sources},
             {"SELECT count(*) FROM routes", &out->routes},
             {"SELECT count(*) FROM messages", &out->messages},
             {"SELECT count(*) FROM recipients", &out->recipients},
             {"SELECT count(*) FROM events", &out->events}};
  int rc = sql_int(sql_use(q, "PRAGMA user_version"), 0, &out->schema);
  for (size_t i = 0; rc == OK && i < sizeof all / sizeof all[0]; i++) {
    int64_t n;
    rc = sql_int(sql_use(q, all[i].text), 0, &n);
    *all[i].to = (uint64_t)n;
  }
  return rc;
}

int backup_count(struct backup *b, struct backup_counts *out, struct reason *why) {
  int rc = count_all(&b->copy, out);
  return rc == OK ? OK : sql_why(&b->copy, rc, why);
}

/* The next message after `last` whose content is in a file; 0: there is none. */
static int next_in_file(struct sql *q, int64_t last, int64_t *id) {
  sqlite3_stmt *s = sql_use(q, "SELECT id FROM messages WHERE id > ? AND flags & ? ORDER BY id LIMIT 1");
  sql_bind_int(s, 1, last);
  sql_bind_int(s, 2, MESSAGE_IN_FILE);
  return sql_int(s, 0, id);
}

/* --- the files --- */

static int note_missing(struct backup *b, int64_t id, struct reason *why) {
  if (b->missing_count == b->missing_room) {
    size_t room = b->missing_room ? 2 * b->missing_room : 64;
    int64_t *all = reallocarray(b->missing, room, sizeof *all);
    if (!all) return fail(why, E_MEMORY, "out of memory");
    b->missing = all;
    b->missing_room = room;
  }
  b->missing[b->missing_count++] = id;
  return OK;
}

int backup_next_file(struct backup *b, int64_t *id, int *fd, struct reason *why) {
  *fd = -1;
  for (;;) {
    int rc = next_in_file(&b->copy, b->last, id);
    if (rc != OK) return sql_why(&b->copy, rc, why);
    if (!*id) return 0;
    b->last = *id;
    rc = spool_open(b->data_dir, *id, fd, why);
    if (rc == OK) return 1;
    if (rc == E_NOT_FOUND) rc = note_missing(b, *id, why);
    if (rc != OK) return rc;
  }
}

struct outcomes {
  struct sql *copy;
  int rc;
};

/* Those that were there at the instant are in the copy already. */
static bool keep_outcome(void *arg, const struct event *e) {
  struct outcomes *o = arg;
  o->rc = event_insert(o->copy, e);
  if (o->rc == E_EXISTS) o->rc = OK;
  return o->rc == OK;
}

static int is_queued(struct backup *b, int64_t id, bool *queued) {
  int64_t there;
  sqlite3_stmt *s = sql_use(&b->from, "SELECT 1 FROM messages WHERE id = ?");
  sql_bind_int(s, 1, id);
  int rc = sql_int(s, 0, &there);
  *queued = there != 0;
  return rc;
}

static int note_lost(struct backup *b, int64_t id) {
  return event_insert(&b->copy,
                      &(struct event){.message_id = id,
                                      .kind = EVENT_DROPPED,
                                      .text = "its file was missing from the spool when the backup was made"});
}

static int take_out(struct backup *b, int64_t id, bool *lost) {
  struct outcomes o = {.copy = &b->copy};
  int rc = is_queued(b, id, lost);
  if (rc == OK) rc = reader_log(b->log, &(struct log_filter){.kind = -1, .message_id = id}, keep_outcome, &o);
  if (rc == OK) rc = o.rc;
  if (rc == OK && *lost) rc = note_lost(b, id);
  sqlite3_stmt *s = sql_use(&b->copy, "DELETE FROM recipients WHERE message_id = ?");
  sql_bind_int(s, 1, id);
  if (rc == OK) rc = sql_run(s);
  s = sql_use(&b->copy, "DELETE FROM messages WHERE id = ?");
  sql_bind_int(s, 1, id);
  return rc == OK ? sql_run(s) : rc;
}

int backup_end(struct backup *b, struct backup_counts *left, uint64_t *gone, uint64_t *lost, struct reason *why) {
  *gone = *lost = 0;
  int rc = sql_exec(&b->copy, "BEGIN");
  for (size_t i = 0; rc == OK && i < b->missing_count; i++) {
    bool is_lost = false;
    rc = take_out(b, b->missing[i], &is_lost);
    *(is_lost ? lost : gone) += 1;
  }
  if (rc == OK) rc = sql_exec(&b->copy, "COMMIT");
  if (rc == OK) rc = count_all(&b->copy, left);
  if (rc != OK) return sql_why(&b->copy, rc, why);
  sql_close(&b->copy);
  return OK;
}

/* --- one that was put back --- */

static int check_pages(struct sql *q, struct reason *why) {
  sqlite3_stmt *s = sql_use(q, "PRAGMA quick_check(1)");
  int rc = sql_step(s);
  bool good = rc == 1 && strcmp(sql_text(s, 0), "ok") == 0;
  if (rc == 1 && !good) fail(why, E_SYNTAX, "the database is damaged: %.200s", sql_text(s, 0));
  if (s) sqlite3_reset(s);
  return good ? OK : rc == 1 ? E_SYNTAX : fail(why, E_SYNTAX, "the database is damaged");
}

/* An empty database would become an empty store, and hide that its mail has gone. */
static int check_is_store(struct sql *q, struct reason *why) {
  int64_t version;
  int rc = sql_int(sql_use(q, "PRAGMA user_version"), 0, &version);
  if (rc != OK) return sql_why(q, rc, why);
  return version > 0 ? OK : fail(why, E_SYNTAX, "the database is no store of sendoff");
}

static int check_files(struct sql *q, const char *dir, struct reason *why) {
  char name[SPOOL_NAME], path[PATH_ROOM];
  int64_t id = 0;
  struct stat st;
  for (;;) {
    int rc = next_in_file(q, id, &id);
    if (rc != OK) return sql_why(q, rc, why);
    if (!id) return OK;
    spool_name(id, name);
    int n = snprintf(path, sizeof path, "%s/%s", dir, name);
    if (n < 0 || n >= PATH_ROOM) return fail(why, E_TOO_BIG, "the path of the spool is too long");
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
      return fail(why, E_SYNTAX, "a message in the queue has no content: %s is missing", name);
  }
}

static int check(struct sql *q, const char *dir, struct backup_counts *out, struct reason *why) {
  int rc = schema_check(q, why);
  if (rc == OK) rc = check_files(q, dir, why);
  if (rc == OK && (rc = count_all(q, out)) != OK) sql_why(q, rc, why);
  return rc;
}

/* The pages before anything is read from them; the version before anything is changed. */
int backup_check(const char *dir, struct backup_counts *out, struct reason *why) {
  struct sql q;
  int rc = sql_open(dir, SQL_ADMIN, &q, why);
  if (rc != OK) return rc;
  rc = check_pages(&q, why);
  if (rc == OK) rc = check_is_store(&q, why);
  sql_close(&q);
  if (rc == OK) rc = store_create(dir, why);
  if (rc == OK) rc = sql_open(dir, SQL_ADMIN, &q, why);
  if (rc != OK) return rc;
  rc = check(&q, dir, out, why);
  sql_close(&q);
  return rc;
}

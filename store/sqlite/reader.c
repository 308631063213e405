#include "store/sqlite/reader.h"

#include "store/spool.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/table/brake_row.h"
#include "store/sqlite/table/usage_table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int reader_open(const char *data_dir, struct reader **out, struct reason *why) {
  struct reader *r = *out = calloc(1, sizeof *r);
  if (!r) return fail(why, E_MEMORY, "out of memory");
  int rc = renewable_open(&r->at, data_dir, SQL_READ, why);
  if (rc == OK) rc = reader_begin(r, why);
  if (rc == OK) rc = reader_end(r, schema_check(&r->at.q, why));
  if (rc != OK) reader_close(out);
  return rc;
}

void reader_close(struct reader **at) {
  struct reader *r = *at;
  *at = NULL;
  if (!r) return;
  renewable_close(&r->at);
  free(r);
}

int reader_begin(struct reader *r, struct reason *why) {
  return renewable_begin(&r->at, why);
}

int reader_end(struct reader *r, int rc) {
  return renewable_end(&r->at, rc);
}

static int64_t generation(struct reader *r, const char *key) {
  int64_t value;
  if (reader_begin(r, NULL) != OK) return -1;
  sqlite3_stmt *s = sql_use(&r->at.q, "SELECT value FROM meta WHERE key = ?");
  sql_bind_text(s, 1, key);
  return reader_end(r, sql_int(s, -1, &value)) == OK ? value : -1;
}

int64_t reader_generation(struct reader *r) {
  return generation(r, "config");
}
int64_t reader_queue_generation(struct reader *r) {
  return generation(r, "queue");
}

static int check_account(struct sql *q, const char *name) {
  int64_t there;
  sqlite3_stmt *s = sql_use(q, "SELECT 1 FROM accounts WHERE name = ?");
  sql_bind_text(s, 1, name);
  int rc = sql_int(s, 0, &there);
  return rc != OK ? rc : there ? OK : E_NOT_FOUND;
}

static int read_usage(struct sql *q, const struct usage_scope *scope, struct usage *out) {
  int rc = scope->scope == SCOPE_ACCOUNT ? check_account(q, scope->owner) : OK;
  if (rc == OK) rc = usage_read(q, scope->scope, scope->owner, out);
  if (rc == OK) usage_roll(out, clock_now_us(), scope->zone);
  return rc;
}

int reader_usage(struct reader *r, const struct usage_scope *scope, struct usage *out) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, read_usage(&r->at.q, scope, out)) : rc;
}

static int read_brake(struct sql *q, const char *account, struct brake *out, uint64_t *recipients) {
  int rc = check_account(q, account);
  if (rc == OK) rc = brake_row_read(q, account, out, recipients);
  if (rc == OK) brake_roll(out, clock_now_us());
  return rc;
}

int reader_brake(struct reader *r, const char *account, struct brake *out, uint64_t *recipients) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, read_brake(&r->at.q, account, out, recipients)) : rc;
}

static int read_private_key(struct sql *q, int64_t key_id, struct buffer *pem, struct reason *why) {
  sqlite3_stmt *s = sql_use(q, "SELECT private_pem FROM keys WHERE id = ?");
  sql_bind_int(s, 1, key_id);
  int rc = sql_step(s);
  if (rc == 0) return fail(why, E_NOT_FOUND, "the key has been removed");
  if (rc != 1) return sql_why(q, rc, why);
  rc = buffer_add_bytes(pem, sql_blob(s, 0));
  sqlite3_reset(s);
  return rc == OK ? OK : fail(why, rc, "out of memory");
}

int reader_private_key(struct reader *r, int64_t key_id, struct buffer *pem, struct reason *why) {
  int rc = reader_begin(r, why);
  return rc == OK ? reader_end(r, read_private_key(&r->at.q, key_id, pem, why)) : rc;
}

/* By the signature that stands before the content, as libopendkim writes it. What it finds beside that keeps a key
 * longer, and does no harm. */
static int read_key_mail_waits(struct sql *q, const char *domain, const char *selector, int64_t before_us,
                               bool *waits) {
  char d[300], s[300];
  int64_t found = 0;
  sqlite3_stmt *query = sql_use(q, "SELECT EXISTS(SELECT 1 FROM messages WHERE created_us <= ?1 AND instr(prefix, ?2)"
                                   " AND instr(prefix, ?3))");
  snprintf(d, sizeof d, "d=%s;", domain);
  snprintf(s, sizeof s, "s=%s;", selector);
  sql_bind_int(query, 1, before_us);
  sql_bind_blob(query, 2, bytes_of(d));
  sql_bind_blob(query, 3, bytes_of(s));
  int rc = sql_int(query, 0, &found);
  *waits = found != 0;
  return rc;
}

int reader_key_mail_waits(struct reader *r, const char *domain, const char *selector, int64_t before_us, bool *waits) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, read_key_mail_waits(&r->at.q, domain, selector, before_us, waits)) : rc;
}

static int read_domain_checks(struct sql *q, bool (*row)(void *arg, const char *domain, int64_t checked_us),
                              void *arg) {
  sqlite3_stmt *s = sql_use(q, "SELECT domain, max(checked_us) FROM domain_notes GROUP BY domain");
  int rc;
  while ((rc = sql_step(s)) == 1 && row(arg, sql_text(s, 0), sqlite3_column_int64(s, 1))) continue;
  if (s) sqlite3_reset(s);
  return rc == 1 ? OK : rc;
}

int reader_domain_checks(struct reader *r, bool (*row)(void *arg, const char *domain, int64_t checked_us), void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, read_domain_checks(&r->at.q, row, arg)) : rc;
}

static int read_route_secret(struct sql *q, int64_t login, enum route_secret kind, struct buffer *out,
                             struct reason *why) {
  sqlite3_stmt *s = sql_use(q, "SELECT value FROM route_secrets WHERE login = ? AND kind = ?");
  sql_bind_int(s, 1, login);
  sql_bind_int(s, 2, kind);
  int rc = sql_step(s);
  if (rc == 0) return fail(why, E_NOT_FOUND, "the route has been removed");
  if (rc != 1) return sql_why(q, rc, why);
  rc = buffer_add_bytes(out, sql_blob(s, 0));
  sqlite3_reset(s);
  return rc == OK ? OK : fail(why, rc, "out of memory");
}

int reader_route_secret(struct reader *r, int64_t login, enum route_secret kind, struct buffer *out,
                        struct reason *why) {
  int rc = reader_begin(r, why);
  return rc == OK ? reader_end(r, read_route_secret(&r->at.q, login, kind, out, why)) : rc;
}

/* --- content --- */

/* The row's prefix, and its content unless that is in a file. */
static int read_row(struct reader *r, int64_t id, struct buffer *prefix, struct buffer *content, bool *in_file,
                    struct reason *why) {
  sqlite3_stmt *s = sql_use(&r->at.q, "SELECT prefix, content, flags FROM messages WHERE id = ?");
  sql_bind_int(s, 1, id);
  int rc = sql_step(s);
  if (rc == 0) return fail(why, E_NOT_FOUND, "the message has left the queue");
  if (rc != 1) return sql_why(&r->at.q, rc, why);
  *in_file = sqlite3_column_int64(s, 2) & MESSAGE_IN_FILE;
  rc = buffer_add_bytes(prefix, sql_blob(s, 0));
  if (rc == OK && content && !*in_file) rc = buffer_add_bytes(content, sql_blob(s, 1));
  sqlite3_reset(s);
  return rc == OK ? OK : fail(why, rc, "a message of this size does not fit in memory");
}

static int read_file(int fd, struct buffer *out, struct reason *why) {
  struct stat st;
  if (fstat(fd, &st) != 0) return fail(why, E_IO, "reading from the spool: %s", strerror(errno));
  int rc = buffer_reserve(out, (size_t)st.st_size);
  if (rc != OK) return fail(why, rc, "a message of %lld octets does not fit in memory", (long long)st.st_size);
  while (out->len < (size_t)st.st_size) {
    ssize_t n = read(fd, out->at + out->len, (size_t)st.st_size - out->len);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0)
      return fail(why, E_IO, "reading from the spool: %s", n ? strerror(errno) : "the file is shorter than it was");
    out->len += (size_t)n;
  }
  return OK;
}

/* A file that is not there is a message that went this moment, unless its row stays: then the file was lost. */
static int open_file(struct reader *r, int64_t id, int *fd, struct reason *why) {
  int64_t there;
  int rc = spool_open(r->at.data_dir, id, fd, why);
  if (rc != E_NOT_FOUND) return rc;
  sqlite3_stmt *s = sql_use(&r->at.q, "SELECT 1 FROM messages WHERE id = ?");
  sql_bind_int(s, 1, id);
  if (sql_int(s, 0, &there) != OK || there)
    return fail(why, E_IO, "the message's content file is missing from the spool");
  return fail(why, E_NOT_FOUND, "the message has left the queue");
}

static int content(struct reader *r, int64_t id, struct buffer *prefix, struct buffer *out, struct reason *why) {
  bool in_file = false;
  int fd, rc = read_row(r, id, prefix, out, &in_file, why);
  if (rc != OK || !in_file) return rc;
  rc = open_file(r, id, &fd, why);
  if (rc != OK) return rc;
  rc = read_file(fd, out, why);
  close(fd);
  return rc;
}

int reader_content(struct reader *r, int64_t id, struct buffer *prefix, struct buffer *out, struct reason *why) {
  int rc = reader_begin(r, why);
  return rc == OK ? reader_end(r, content(r, id, prefix, out, why)) : rc;
}

static int content_file(struct reader *r, int64_t id, struct buffer *prefix, int *fd, struct reason *why) {
  bool in_file = false;
  int rc = read_row(r, id, prefix, NULL, &in_file, why);
  if (rc == OK && !in_file) rc = fail(why, E_SYNTAX, "the message's content is not in a file");
  return rc == OK ? open_file(r, id, fd, why) : rc;
}

int reader_content_file(struct reader *r, int64_t id, struct buffer *prefix, int *fd, struct reason *why) {
  *fd = -1;
  int rc = reader_begin(r, why);
  return rc == OK ? reader_end(r, content_file(r, id, prefix, fd, why)) : rc;
}

/* The layer under the writer's log: whoever else looks at the files sees what SQLite promises, at any time. */
#include "store/wal_file.h"

#include "tests/unit/store_lab.h"

#include <signal.h>
#include <sys/resource.h>

#define ROW "INSERT INTO t(octets) VALUES (randomblob(30000))"

struct files {
  char dir[256], path[300];
  sqlite3 *db;
};

static void run(sqlite3 *db, const char *sql) {
  char *error = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK) fail_msg("%s: %s", sql, error);
}

static int setup(void **state) {
  struct files *f = *state = calloc(1, sizeof *f);
  lab_folder(f->dir, sizeof f->dir);
  snprintf(f->path, sizeof f->path, "%s/%s", f->dir, STORE_FILE);
  assert_int_equal(wal_file_register(), SQLITE_OK);
  assert_int_equal(
      sqlite3_open_v2(f->path, &f->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, WAL_FILE_VFS),
      SQLITE_OK);
  run(f->db, "PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL; CREATE TABLE t(id INTEGER PRIMARY KEY, octets BLOB)");
  return 0;
}

static int teardown(void **state) {
  struct files *f = *state;
  sqlite3_close(f->db);
  lab_remove_folder(f->dir);
  free(f);
  return 0;
}

static void copy(const char *from, const char *to) {
  char octets[65536];
  int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(in >= 0 && out >= 0);
  for (ssize_t n; (n = read(in, octets, sizeof octets)) != 0;) {
    assert_true(n > 0);
    assert_int_equal(write(out, octets, (size_t)n), n);
  }
  close(in);
  close(out);
}

/* What is there when this process is killed now: the files as they are, without the index of the log. */
static void check_after_a_kill(const struct files *f, int64_t rows) {
  char dir[256], to[300], from[310];
  lab_folder(dir, sizeof dir);
  snprintf(to, sizeof to, "%s/%s", dir, STORE_FILE);
  copy(f->path, to);
  snprintf(from, sizeof from, "%s-wal", f->path);
  snprintf(to, sizeof to, "%s/%s-wal", dir, STORE_FILE);
  copy(from, to);
  assert_int_equal(lab_number(dir, "SELECT count(*) FROM t WHERE length(octets) = 30000"), rows);
  assert_int_equal(lab_number(dir, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
  lab_remove_folder(dir);
}

static void every_commit_is_in_the_files(void **state) {
  struct files *f = *state;
  for (int64_t rows = 0; rows < 30;) {
    run(f->db, "BEGIN IMMEDIATE");
    for (int i = 0; i < 3; i++, rows++) run(f->db, ROW);
    run(f->db, "COMMIT");
    check_after_a_kill(f, rows);
    assert_int_equal(lab_number(f->dir, "SELECT count(*) FROM t"), rows); /* another connection, with the index */
  }
}

/* Pages leave a small cache before the commit: they are in the log, read back from it, and written over in it. */
static void a_transaction_that_outgrows_its_memory_is_whole(void **state) {
  struct files *f = *state;
  run(f->db, "PRAGMA cache_size=10; BEGIN IMMEDIATE");
  for (int i = 0; i < 40; i++) {
    run(f->db, ROW);
    run(f->db, "SELECT count(*) FROM t WHERE octets = zeroblob(30000 + 1)");
  }
  run(f->db, "UPDATE t SET octets = randomblob(30000) WHERE id % 2");
  assert_int_equal(lab_number(f->dir, "SELECT count(*) FROM t"), 0);
  check_after_a_kill(f, 0);
  run(f->db, "COMMIT");
  check_after_a_kill(f, 40);
  run(f->db, "BEGIN IMMEDIATE; DELETE FROM t; ROLLBACK");
  check_after_a_kill(f, 40);
}

/* The log begins anew after it was moved into the database. */
static void the_log_is_used_again(void **state) {
  struct files *f = *state;
  for (int i = 1; i <= 5; i++) {
    run(f->db, ROW);
    run(f->db, i == 3 ? "PRAGMA wal_checkpoint(TRUNCATE)" : "PRAGMA wal_checkpoint(RESTART)");
    run(f->db, "BEGIN IMMEDIATE; UPDATE t SET octets = randomblob(30000); COMMIT");
    check_after_a_kill(f, i);
  }
}

/* The limit takes the place of a disk that is full. The commit that could not be written is none; the next is whole. */
static void a_write_that_fails_fails_the_commit(void **state) {
  struct files *f = *state;
  run(f->db, ROW);
  run(f->db, "BEGIN IMMEDIATE");
  for (int i = 0; i < 4; i++) run(f->db, ROW);
  struct rlimit before, small;
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 100000;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  int rc = sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_not_equal(rc, SQLITE_OK);
  if (!sqlite3_get_autocommit(f->db)) run(f->db, "ROLLBACK");
  check_after_a_kill(f, 1);
  run(f->db, ROW);
  check_after_a_kill(f, 2);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(every_commit_is_in_the_files, setup, teardown),
      cmocka_unit_test_setup_teardown(a_transaction_that_outgrows_its_memory_is_whole, setup, teardown),
      cmocka_unit_test_setup_teardown(the_log_is_used_again, setup, teardown),
      cmocka_unit_test_setup_teardown(a_write_that_fails_fails_the_commit, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

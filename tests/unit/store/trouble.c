/* The disk is full, writing fails, the database is locked: a clear no, nothing half done, and all is well again after.
 */
#include "tests/unit/store_lab.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#define CONTENT_SIZE 60000

static char *big(void) {
  char *at = malloc(CONTENT_SIZE);
  assert_non_null(at);
  memset(at, 'x', CONTENT_SIZE);
  return at;
}

static int accept_big(struct lab *l, const char *content, struct reason *why) {
  struct letter m;
  letter_make(&m, "blog", "a@x.example");
  m.accept.message.content = (struct bytes){content, CONTENT_SIZE};
  int rc = lab_run(&l->poster, &m.accept.op);
  *why = m.accept.op.why;
  return rc;
}

/* Accepts until it fails, twice: in between, the store may find some more room. Returns how many were. */
static int64_t fill(struct lab *l, const char *content, int end) {
  struct reason why;
  int64_t accepted = 0;
  for (int n = 0, failed = 0; n < 1000 && failed < 2; n++) {
    int rc = accept_big(l, content, &why);
    failed = rc == OK ? 0 : failed + 1;
    accepted += rc == OK;
    if (rc == OK) continue;
    assert_int_equal(rc, end);
    assert_true(strlen(why.text) > 10);
    if (failed == 2) return accepted;
  }
  fail_msg("it never failed");
  return 0;
}

static void check_counts(struct lab *l, int64_t accepted) {
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), accepted);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), accepted);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events"), accepted);
  assert_int_equal(lab_number(l->dir, "SELECT total_messages FROM usage_counts WHERE owner = 'blog'"), accepted);
}

static void a_full_disk(void **state) {
  (void)state;
  struct lab l = {.store = NULL};
  struct reason why;
  char filler[300], *content = big();
  folder_make(l.dir, sizeof l.dir);
  /* In a namespace of its own, so that nobody else sees the mount and it cannot be left behind. */
  assert_int_equal(unshare(CLONE_NEWNS), 0);
  assert_int_equal(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
  assert_int_equal(mount("tmpfs", l.dir, "tmpfs", 0, "size=3m"), 0);
  snprintf(filler, sizeof filler, "%s/filler", l.dir);
  int fd = open(filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_int_equal(write(fd, content, CONTENT_SIZE), CONTENT_SIZE);
  assert_int_equal(posix_fallocate(fd, 0, 1280 * 1024), 0);
  close(fd);
  lab_open(&l);
  int64_t accepted = fill(&l, content, E_FULL);
  assert_true(accepted > 0);
  check_counts(&l, accepted);
  /* Room again: it goes on, and the count is that of the rows. */
  assert_int_equal(unlink(filler), 0);
  assert_int_equal(accept_big(&l, content, &why), OK);
  check_counts(&l, accepted + 1);
  lab_reopen(&l);
  check_counts(&l, accepted + 1);
  lab_close(&l);
  free(content);
  assert_int_equal(umount2(l.dir, MNT_DETACH), 0);
  folder_remove(l.dir);
}

/* The same for who cannot mount: a file that may not grow. */
static void writing_fails(void **state) {
  struct lab *l = *state;
  struct reason why;
  struct rlimit before, small = {.rlim_cur = 600 * 1024};
  char *content = big();
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  small.rlim_max = before.rlim_max;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  int64_t accepted = fill(l, content, E_IO);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_true(accepted > 0);
  check_counts(l, accepted);
  assert_int_equal(accept_big(l, content, &why), OK);
  check_counts(l, accepted + 1);
  lab_reopen(l);
  check_counts(l, accepted + 1);
  free(content);
}

/* All that wait fail after one time of patience, not each after its own. */
static void a_lock_that_is_held_for_long(void **state) {
  struct lab *l = *state;
  sqlite3 *db = lab_database(l->dir);
  struct letter all[5];
  struct admin *a = lab_admin(l);
  assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  uint64_t begin = clock_monotonic_ms();
  for (size_t i = 0; i < COUNT_OF(all); i++) {
    letter_make(&all[i], "blog", "a@x.example");
    lab_post(&l->poster, &all[i].accept.op);
  }
  assert_int_equal(admin_domain_add(a, "example.com", true, &l->why), E_BUSY);
  assert_non_null(strstr(l->why.text, "locked"));
  lab_wait(&l->poster);
  /* The first may have been alone in a batch: two times at most. */
  assert_true(clock_monotonic_ms() - begin < 20000);
  for (size_t i = 0; i < COUNT_OF(all); i++) {
    assert_int_equal(all[i].accept.op.result, E_BUSY);
    assert_non_null(strstr(all[i].accept.op.why.text, "locked"));
  }
  /* Reading goes on meanwhile. */
  struct seen_queue q;
  lab_queue(l, &q);
  assert_int_equal(q.count, 0);
  sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
  sqlite3_close(db);
  admin_close(&a);
  lab_accept(l, "blog", "a@x.example");
  check_counts(l, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_full_disk),
      cmocka_unit_test_setup_teardown(writing_fails, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_lock_that_is_held_for_long, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

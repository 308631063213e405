/* The promise, at the store's own door: a child posts and says which messages were committed; it is killed at any
 * instant; every message that it spoke of is there, whole, and the usage is the number of rows. */
#include "tests/unit/store_lab.h"

#include <signal.h>

#define ROUNDS 20
#define IN_FLIGHT 24

struct flight {
  struct letter letter;
  bool in_file;
};

static int report_fd;

static void on_committed(struct store_op *op) {
  lab_poster->open--;
  int64_t id = ((struct store_accept *)op)->message.envelope.id;
  if (op->result != OK || write(report_fd, &id, sizeof id) != sizeof id) _exit(3);
}

static void post_one(struct poster *p, const char *dir, struct flight *f, bool in_file) {
  struct reason why;
  letter_make(&f->letter, "blog", "a@x.example");
  if (in_file) {
    int fd;
    int rc = spool_begin(dir, letter_id(&f->letter), &fd, &why);
    if (rc == OK) rc = spool_write(fd, BYTES("in a file"), &why);
    if (rc == OK) rc = spool_finish(dir, letter_id(&f->letter), &fd, &why);
    if (rc != OK) _exit(4);
    f->letter.accept.message.envelope.flags = MESSAGE_IN_FILE;
  }
  lab_post(p, &f->letter.accept.op);
  f->letter.accept.op.done = on_committed;
}

/* Never returns. */
static void child(const char *dir, int fd) {
  static struct flight flights[IN_FLIGHT];
  struct store_options options = {.log_retain_us = 0};
  struct store *store;
  struct poster p;
  struct reason why;
  report_fd = fd;
  if (store_create(dir, &why) != OK || store_open(dir, &options, &store, &why) != OK) _exit(2);
  poster_init(&p, store);
  for (;;) {
    for (size_t i = 0; i < IN_FLIGHT; i++) post_one(&p, dir, &flights[i], i % 8 == 0);
    lab_wait(&p);
  }
}

struct reported {
  int64_t *ids;
  size_t count, room;
};

static void keep(struct reported *r, int64_t id) {
  if (r->count == r->room) {
    r->room = r->room ? 2 * r->room : 1024;
    r->ids = realloc(r->ids, r->room * sizeof *r->ids);
    assert_non_null(r->ids);
  }
  r->ids[r->count++] = id;
}

static void take_reports(int fd, struct reported *r) {
  int64_t id;
  while (read(fd, &id, sizeof id) == sizeof id) keep(r, id);
}

/* Not before its first commit, so that every round is one; then at an instant that nobody chose. */
static void one_round(const char *dir, struct reported *r) {
  int fds[2];
  uint16_t random;
  assert_int_equal(pipe(fds), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(fds[0]);
    child(dir, fds[1]);
  }
  close(fds[1]);
  int64_t first;
  assert_int_equal(read(fds[0], &first, sizeof first), sizeof first);
  random_bytes(&random, sizeof random);
  usleep(random % 20000);
  assert_int_equal(kill(pid, SIGKILL), 0);
  keep(r, first);
  take_reports(fds[0], r);
  close(fds[0]);
  int status;
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void check_all_there(const char *dir, const struct reported *r) {
  struct reader *reader;
  struct reason why;
  struct buffer prefix, content;
  buffer_init(&prefix, 1000);
  buffer_init(&content, 1000);
  assert_ok(reader_open(dir, &reader, &why), why); /* with the log as the crash left it */
  for (size_t i = 0; i < r->count; i++) {
    assert_ok(reader_content(reader, r->ids[i], &prefix, &content, &why), why);
    assert_true(bytes_equal(buffer_bytes(&content), BYTES("\r\n")) ||
                bytes_equal(buffer_bytes(&content), BYTES("in a file")));
    buffer_free(&prefix);
    buffer_free(&content);
  }
  reader_close(&reader);
}

static int64_t files_in_spool;

static int count_file(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)path, (void)st, (void)at;
  files_in_spool += type == FTW_F;
  return 0;
}

static void killed_at_any_instant(void **state) {
  (void)state;
  struct lab l = {.store = NULL};
  struct reported r = {.count = 0};
  char spool[300];
  folder_make(l.dir, sizeof l.dir);
  snprintf(spool, sizeof spool, "%s/spool", l.dir);
  for (int round = 0; round < ROUNDS; round++) {
    one_round(l.dir, &r);
    check_all_there(l.dir, &r);
    int64_t messages = lab_number(l.dir, "SELECT count(*) FROM messages");
    assert_true(messages >= (int64_t)r.count);
    assert_int_equal(lab_number(l.dir, "SELECT total_messages FROM usage_counts"), messages);
    assert_int_equal(lab_number(l.dir, "SELECT total_recipients FROM usage_counts"), messages);
    assert_int_equal(lab_number(l.dir, "SELECT count(*) FROM recipients"), messages);
    assert_int_equal(lab_number(l.dir, "SELECT count(*) FROM events WHERE kind = 0"), messages);
  }
  assert_true(r.count >= ROUNDS);
  lab_open(&l); /* the sweep: a file for each row that has one, and no other */
  nftw(spool, count_file, 16, FTW_PHYS);
  assert_int_equal(files_in_spool, lab_number(l.dir, "SELECT count(*) FROM messages WHERE content IS NULL"));
  assert_true(files_in_spool > 0);
  check_all_there(l.dir, &r);
  lab_close(&l);
  free(r.ids);
  folder_remove(l.dir);
}

/* --- limits --- */

#define ALLOWED 1000
#define KILLS_LEAST 3

static const struct limit allowed = {.count = ALLOWED, .window = WINDOW_MONTH};
static bool used_up;

static void on_decided(struct store_op *op) {
  lab_poster->open--;
  int64_t id = ((struct store_accept *)op)->message.envelope.id;
  if (op->result == E_LIMIT)
    used_up = true;
  else if (op->result != OK || write(report_fd, &id, sizeof id) != sizeof id)
    _exit(3);
}

/* Posts until that owner's limit says no, and then ends well. Never returns. */
static void child_of_limit(const char *dir, int fd, enum scope limited) {
  static struct letter letters[IN_FLIGHT];
  struct store_options options = {.log_retain_us = 0};
  struct store *store;
  struct poster p;
  struct reason why;
  report_fd = fd;
  if (store_create(dir, &why) != OK || store_open(dir, &options, &store, &why) != OK) _exit(2);
  poster_init(&p, store);
  while (!used_up) {
    for (size_t i = 0; i < IN_FLIGHT; i++) {
      letter_make(&letters[i], "blog", "a@x.example");
      letter_scopes(&letters[i], limited, &allowed, 1);
      lab_post(&p, &letters[i].accept.op);
      letters[i].accept.op.done = on_decided;
    }
    lab_wait(&p);
  }
  _exit(0);
}

/* True: the child was killed; false: its limit was used up before. */
static bool round_of_limit(const char *dir, enum scope limited, unsigned after_us, struct reported *r) {
  int fds[2], status;
  int64_t first;
  assert_int_equal(pipe(fds), 0);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    close(fds[0]);
    child_of_limit(dir, fds[1], limited);
  }
  close(fds[1]);
  if (read(fds[0], &first, sizeof first) == sizeof first) keep(r, first);
  usleep(after_us);
  kill(pid, SIGKILL);
  take_reports(fds[0], r);
  close(fds[0]);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFSIGNALED(status);
}

/* Whoever's limit it is, and however often the gateway is killed: exactly so many, and each counted once for each. */
static void limits_are_exact_across_kills(void **state) {
  (void)state;
  for (enum scope limited = 0; limited < SCOPE_COUNT; limited++) {
    struct lab l = {.store = NULL};
    struct reported r = {.count = 0};
    unsigned kills = 0;
    folder_make(l.dir, sizeof l.dir);
    for (unsigned after_us = 1000; round_of_limit(l.dir, limited, after_us, &r); after_us += after_us / 2) kills++;
    assert_true(kills >= KILLS_LEAST && r.count > 0 && r.count <= ALLOWED);
    assert_int_equal(lab_number(l.dir, "SELECT count(*) FROM messages"), ALLOWED);
    for (enum scope s = 0; s < SCOPE_COUNT; s++) {
      char sql[100];
      snprintf(sql, sizeof sql, "SELECT month_messages FROM usage_counts WHERE scope = %d", s);
      assert_int_equal(lab_number(l.dir, sql), ALLOWED);
    }
    assert_int_equal(lab_number(l.dir, "SELECT count(*) FROM events WHERE kind = 9"), 2); /* 80 and 95 % */
    free(r.ids);
    folder_remove(l.dir);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(killed_at_any_instant),
      cmocka_unit_test(limits_are_exact_across_kills),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A spool file that is written while its content arrives: order, bounds, failures, and an owner who leaves at any
 * moment. With real files. */
#include "relay/message/spool_writer.h"

#include "store/spool.h"
#include "tests/unit/loop_lab.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#define ID INT64_C(123456)
#define PIECE 10000

static struct loop_lab lab;
static struct {
  size_t moved, done;
  bool failed; /* moved or done gave a reason */
} seen;

static void on_moved(void *arg, struct reason *why) {
  (void)arg;
  seen.moved++;
  seen.failed |= why != NULL;
}

static void on_done(void *arg, struct reason *why) {
  (void)arg;
  seen.done++;
  seen.failed |= why != NULL;
}

static int set_up(void **state) {
  (void)state;
  char path[300];
  memset(&seen, 0, sizeof seen);
  loop_lab_open(&lab);
  snprintf(path, sizeof path, "%s/spool", lab.dir);
  return mkdir(path, 0700);
}

static int tear_down(void **state) {
  (void)state;
  loop_lab_close(&lab);
  return 0;
}

static struct spool_writer *begin(void) {
  struct spool_writer *w = spool_writer_begin(&lab.loop, ID, on_moved, NULL);
  assert_non_null(w);
  return w;
}

static char octet_at(size_t at) {
  return (char)('a' + at % 23);
}

static int write_piece(struct spool_writer *w, size_t *at) {
  char piece[PIECE];
  for (size_t i = 0; i < PIECE; i++) piece[i] = octet_at(*at + i);
  int rc = spool_writer_write(w, (struct bytes){piece, PIECE});
  if (rc == OK) *at += PIECE;
  return rc;
}

static void assert_file(size_t octets) {
  struct reason why;
  int fd;
  size_t at = 0;
  char piece[4096];
  ssize_t n;
  assert_int_equal(spool_open(lab.dir, ID, &fd, &why), OK);
  while ((n = read(fd, piece, sizeof piece)) > 0)
    for (ssize_t i = 0; i < n; i++, at++) assert_int_equal(piece[i], octet_at(at));
  close(fd);
  assert_int_equal(at, octets);
}

static bool file_is_there(void) {
  struct reason why;
  int fd;
  if (spool_open(lab.dir, ID, &fd, &why) != OK) return false;
  close(fd);
  return true;
}

/* Far more than the bound, paused while it is full. */
static void test_large(void **state) {
  (void)state;
  struct spool_writer *w = begin();
  size_t at = 0;
  bool was_full = false;
  while (at < 8 * SPOOL_WRITER_WAITING_MAX) {
    if (spool_writer_is_full(w)) {
      size_t moved = seen.moved;
      was_full = true;
      loop_lab_until(&lab, seen.moved > moved);
      continue;
    }
    assert_int_equal(write_piece(w, &at), OK);
  }
  assert_true(was_full);
  assert_int_equal(spool_writer_octets(w), at);
  assert_false(spool_writer_is_finishing(w));
  spool_writer_finish(w, on_done);
  assert_true(spool_writer_is_finishing(w));
  loop_lab_until(&lab, seen.done);
  assert_int_equal(seen.done, 1);
  assert_false(seen.failed);
  spool_writer_end(&w, false);
  assert_null(w);
  assert_file(at);
}

static void test_empty(void **state) {
  (void)state;
  struct spool_writer *w = begin();
  spool_writer_finish(w, on_done);
  loop_lab_until(&lab, seen.done);
  assert_false(seen.failed);
  spool_writer_end(&w, false);
  assert_file(0);
}

/* Who does not pause meets a bound, and what was taken before is kept. */
static void test_bound(void **state) {
  (void)state;
  struct spool_writer *w = begin();
  size_t at = 0;
  int rc = OK;
  while (rc == OK && at < 100 * SPOOL_WRITER_WAITING_MAX) rc = write_piece(w, &at);
  assert_int_equal(rc, E_TOO_BIG);
  spool_writer_finish(w, on_done);
  loop_lab_until(&lab, seen.done);
  spool_writer_end(&w, false);
  assert_file(at);
}

/* A file stands where the folder should be. */
static void test_no_folder(void **state) {
  (void)state;
  char path[300];
  snprintf(path, sizeof path, "%s/spool", lab.dir);
  assert_int_equal(rmdir(path), 0);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fclose(f);
  struct spool_writer *w = begin();
  size_t at = 0;
  while (at < SPOOL_WRITER_WAITING_MAX / 2) assert_int_equal(write_piece(w, &at), OK);
  loop_lab_until(&lab, seen.moved);
  assert_true(seen.failed);
  spool_writer_end(&w, true);
  uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
}

/* The disk is full in the middle: RLIMIT_FSIZE stands for it. */
static void test_full_disk(void **state) {
  (void)state;
  struct rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = SPOOL_WRITER_WAITING_MAX;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  struct spool_writer *w = begin();
  size_t at = 0;
  while (at < 2 * SPOOL_WRITER_WAITING_MAX) {
    write_piece(w, &at);
    uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
    if (seen.failed) break;
  }
  if (!seen.failed) spool_writer_finish(w, on_done);
  loop_lab_until(&lab, seen.failed);
  setrlimit(RLIMIT_FSIZE, &before);
  spool_writer_end(&w, true);
  loop_lab_until(&lab, !file_is_there());
}

/* The owner leaves at each moment: before anything, while it is written, while it is finished. No callback comes. */
static void test_end_at_any_moment(void **state) {
  (void)state;
  for (int moment = 0; moment < 4; moment++)
    for (int remove = 0; remove < 2; remove++) {
      struct spool_writer *w = begin();
      size_t at = 0;
      memset(&seen, 0, sizeof seen);
      while (moment && at < SPOOL_WRITER_WAITING_MAX) assert_int_equal(write_piece(w, &at), OK);
      if (moment >= 2) spool_writer_finish(w, on_done);
      if (moment == 3) uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
      bool was_done = seen.done > 0;
      size_t moved = seen.moved;
      spool_writer_end(&w, remove);
      uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
      usleep(20000);
      for (int turn = 0; turn < 50; turn++) {
        uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
        usleep(200);
      }
      assert_int_equal(seen.moved, moved);
      assert_true(was_done || !seen.done);
      if (remove) loop_lab_until(&lab, !file_is_there());
      spool_remove(lab.dir, ID);
    }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_large, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_no_folder, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_end_at_any_moment, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A spool file's writer: what is synced, failures that stay failures, and an owner who leaves within a callback or at
 * any other moment. */
#include "relay/message/spool_writer.h"

#include "base/id.h"
#include "store/spool.h"

#include "tests/unit/exact.h"
#include "tests/unit/loop_lab.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIECE (16 * 1024)

/* What the program asks the kernel to sync. */
static int file_syncs, folder_syncs; /* atomic */

int fdatasync(int fd) {
  __atomic_add_fetch(&file_syncs, 1, __ATOMIC_RELAXED);
  return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd) {
  __atomic_add_fetch(&folder_syncs, 1, __ATOMIC_RELAXED);
  return (int)syscall(SYS_fsync, fd);
}

struct rig {
  struct loop_lab on;
  char missing[300], path[512];
  int64_t id;
  struct spool_writer *writer;
  unsigned writes, failures, finishes;
  bool finished_well, end_within, remove, quiet;
  struct reason why;
};

static void end_now(struct rig *r) {
  r->quiet = true;
  spool_writer_end(&r->writer, r->remove);
  assert_null(r->writer);
}

static void on_wrote(void *arg, struct reason *why) {
  struct rig *r = arg;
  assert_false(r->quiet);
  assert_int_equal(r->finishes, 0);
  r->writes++;
  if (why) {
    r->failures++;
    r->why = *why;
  }
  if (r->end_within) end_now(r);
}

static void on_finished(void *arg, struct reason *why) {
  struct rig *r = arg;
  assert_false(r->quiet);
  r->finishes++;
  r->finished_well = !why;
  if (why) r->why = *why;
  if (r->end_within) end_now(r);
}

static void rig_begin(struct rig *r) {
  char text[ID_TEXT];
  r->id = id_new();
  id_format(r->id, text);
  snprintf(r->path, sizeof r->path, "%s/spool/%s/%s", r->on.dir, text + strlen(text) - 2, text);
  r->writer = spool_writer_begin(&r->on.loop, r->id, on_wrote, r);
  assert_non_null(r->writer);
}

static void rig_open(struct rig *r) {
  loop_lab_open(&r->on);
  snprintf(r->missing, sizeof r->missing, "%s/missing", r->on.dir);
  rig_begin(r);
}

/* Ends what is open, and waits for what is on the pool. True: the file is there then. */
static bool rig_close(struct rig *r) {
  if (r->writer) end_now(r);
  loop_finish(&r->on.loop);
  uv_run(&r->on.loop.uv, UV_RUN_DEFAULT);
  bool there = access(r->path, F_OK) == 0;
  loop_free(&r->on.loop);
  folder_remove(r->on.dir);
  return there;
}

static void write_piece(struct rig *r, size_t len) {
  static const char piece[SPOOL_WRITER_WAITING_MAX];
  size_t from = spool_writer_octets(r->writer);
  assert_true(len <= sizeof piece);
  assert_int_equal(spool_writer_write(r->writer, (struct bytes){piece, len}), OK);
  assert_int_equal(spool_writer_octets(r->writer), from + len);
}

static void finish(struct rig *r) {
  assert_false(spool_writer_is_finishing(r->writer));
  spool_writer_finish(r->writer, on_finished);
  assert_int_equal(r->finishes, 0); /* never within the call */
  assert_true(spool_writer_is_finishing(r->writer));
  loop_lab_until(&r->on, r->finishes);
  loop_lab_for(&r->on, 10);
  assert_int_equal(r->finishes, 1);
  if (r->writer) assert_true(spool_writer_is_finishing(r->writer));
}

static bool file_exists(const struct rig *r) {
  return access(r->path, F_OK) == 0;
}

static void finish_syncs_file_and_folder(void **state) {
  (void)state;
  struct rig r = {0};
  rig_open(&r);
  write_piece(&r, SPOOL_WRITER_WAITING_MAX);
  loop_lab_until(&r.on, r.writes);
  int files = __atomic_load_n(&file_syncs, __ATOMIC_RELAXED),
      folders = __atomic_load_n(&folder_syncs, __ATOMIC_RELAXED);
  write_piece(&r, 100);
  finish(&r);
  assert_true(r.finished_well);
  assert_int_equal(__atomic_load_n(&file_syncs, __ATOMIC_RELAXED), files + 1);
  assert_int_equal(__atomic_load_n(&folder_syncs, __ATOMIC_RELAXED), folders + 1);
  rig_close(&r);
}

static void the_directory_is_missing(void **state) {
  (void)state;
  for (int finish_first = 0; finish_first < 2; finish_first++) {
    struct rig r = {0};
    rig_open(&r);
    r.on.config.data_dir = r.missing;
    if (!finish_first) {
      write_piece(&r, SPOOL_WRITER_WAITING_MAX);
      loop_lab_until(&r.on, r.writes);
      assert_int_equal(r.failures, 1);
      assert_non_null(strstr(r.why.text, "/missing/spool"));
      write_piece(&r, SPOOL_WRITER_WAITING_MAX); /* taken, and not written */
      loop_lab_for(&r.on, 20);
      assert_int_equal(r.writes, 1);
      assert_false(spool_writer_is_full(r.writer)); /* nobody is to wait for it */
    }
    r.why = (struct reason){0};
    finish(&r);
    assert_false(r.finished_well);
    assert_non_null(strstr(r.why.text, "/missing/spool"));
    r.on.config.data_dir = r.on.dir;
    rig_close(&r);
  }
}

/* A failed write stays one, although a later one would succeed: the file lacks what was in between. */
static void the_disk_is_full(void **state) {
  (void)state;
  struct rlimit before, little;
  struct rig r = {.remove = true};
  rig_open(&r);
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
  little = before;
  little.rlim_cur = 100 * 1024;
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
  write_piece(&r, SPOOL_WRITER_WAITING_MAX);
  loop_lab_until(&r.on, r.writes);
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
  assert_int_equal(r.failures, 1);
  assert_non_null(strstr(r.why.text, "File too large"));
  assert_true(file_exists(&r));
  r.why = (struct reason){0};
  finish(&r);
  assert_false(r.finished_well);
  assert_non_null(strstr(r.why.text, "File too large"));
  end_now(&r);
  assert_false(rig_close(&r));
}

/* At each point of its life, with the file wanted or not. */
enum ending { UNUSED, WRITING, WRITTEN, FINISHING, FINISHED, ENDINGS };

static void go_to(struct rig *r, enum ending at) {
  if (at == UNUSED) return;
  write_piece(r, SPOOL_WRITER_WAITING_MAX);
  if (at == WRITING) return;
  loop_lab_until(&r->on, r->writes);
  if (at == WRITTEN) return;
  write_piece(r, 10);
  spool_writer_finish(r->writer, on_finished);
  if (at == FINISHED) loop_lab_until(&r->on, r->finishes);
}

static void ended_at_any_time(void **state) {
  (void)state;
  for (enum ending at = UNUSED; at < ENDINGS; at++)
    for (int remove = 0; remove < 2; remove++) {
      struct rig r = {.remove = remove};
      rig_open(&r);
      go_to(&r, at);
      end_now(&r);                       /* no callback from here on */
      spool_writer_end(&r.writer, true); /* of NULL */
      if (rig_close(&r) != (!remove && at != UNUSED)) fail_msg("point %d, remove %d", at, remove);
    }
}

static void ended_within_a_callback(void **state) {
  (void)state;
  for (int remove = 0; remove < 2; remove++)
    for (int finishing = 0; finishing < 2; finishing++) {
      struct rig r = {.remove = remove, .end_within = true};
      rig_open(&r);
      write_piece(&r, finishing ? 10 : SPOOL_WRITER_WAITING_MAX);
      if (!finishing) write_piece(&r, PIECE); /* goes on to the pool before the callback */
      if (finishing) spool_writer_finish(r.writer, on_finished);
      loop_lab_until(&r.on, r.quiet);
      assert_null(r.writer);
      assert_int_equal(rig_close(&r), !remove);
    }
}

/* An id that comes twice must not touch the older message's file. */
static void a_file_that_is_there(void **state) {
  (void)state;
  struct rig r = {0};
  struct reason why;
  int fd;
  rig_open(&r);
  assert_int_equal(spool_begin(r.on.dir, r.id, &fd, &why), OK);
  assert_int_equal(write(fd, "older", 5), 5);
  close(fd);
  write_piece(&r, SPOOL_WRITER_WAITING_MAX);
  loop_lab_until(&r.on, r.writes);
  assert_int_equal(r.failures, 1);
  assert_non_null(strstr(r.why.text, "File exists"));
  struct stat st;
  assert_int_equal(stat(r.path, &st), 0);
  assert_int_equal(st.st_size, 5);
  rig_close(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(finish_syncs_file_and_folder),
      cmocka_unit_test(the_directory_is_missing),
      cmocka_unit_test(the_disk_is_full),
      cmocka_unit_test(ended_at_any_time),
      cmocka_unit_test(ended_within_a_callback),
      cmocka_unit_test(a_file_that_is_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

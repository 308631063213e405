/* The files of large content, and the sweep at the start. */
#include "tests/unit/store_lab.h"

static void put(const char *path) {
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs("something", f);
  fclose(f);
}

static void a_file_of_a_message_stays_and_orphans_go(void **state) {
  struct lab *l = *state;
  struct letter kept;
  int fd;
  char with_row[512], orphans[3][512], others[4][512], folder[512];
  letter_make(&kept, "blog", "a@x.example");
  kept.accept.message.envelope.flags = MESSAGE_IN_FILE;
  assert_ok(spool_begin(l->dir, letter_id(&kept), &fd, &l->why), l->why);
  assert_ok(spool_finish(l->dir, letter_id(&kept), &fd, &l->why), l->why);
  assert_int_equal(lab_run(&l->poster, &kept.accept.op), OK);
  lab_spool_path(l->dir, letter_id(&kept), with_row, sizeof with_row);
  for (size_t i = 0; i < 3; i++) {
    int64_t id = id_new();
    assert_ok(spool_begin(l->dir, id, &fd, &l->why), l->why);
    assert_ok(spool_write(fd, BYTES("half"), &l->why), l->why);
    close(fd); /* a crash */
    lab_spool_path(l->dir, id, orphans[i], sizeof orphans[i]);
  }
  /* What the gateway did not put there is left alone: a word that could be read as an id, an id in another folder's
   * place, and files beside the folders. */
  snprintf(others[0], sizeof others[0], "%s/spool/00/README", l->dir);
  snprintf(others[1], sizeof others[1], "%s/spool/00/1234567", l->dir);
  snprintf(others[2], sizeof others[2], "%s/spool/notes", l->dir);
  snprintf(others[3], sizeof others[3], "%s/spool/00/abcd00", l->dir);
  snprintf(folder, sizeof folder, "%s/spool/00", l->dir);
  assert_true(mkdir(folder, 0700) == 0 || errno == EEXIST);
  for (size_t i = 0; i < 4; i++) put(others[i]);

  lab_reopen(l);
  assert_true(lab_exists(with_row));
  for (size_t i = 0; i < 3; i++) assert_false(lab_exists(orphans[i]));
  for (size_t i = 0; i < 4; i++) assert_true(lab_exists(others[i]));
  /* And once more, now that the message has gone. */
  lab_close(l);
  lab_exec(l->dir, "DELETE FROM messages");
  lab_open(l);
  assert_false(lab_exists(with_row));
}

static void files_by_themselves(void **state) {
  struct lab *l = *state;
  int64_t id = id_new();
  int fd;
  char path[512], text[16];
  struct stat st;
  lab_spool_path(l->dir, id, path, sizeof path);
  assert_ok(spool_begin(l->dir, id, &fd, &l->why), l->why);
  assert_ok(spool_write(fd, (struct bytes){NULL, 0}, &l->why), l->why);
  assert_ok(spool_write(fd, BYTES("one"), &l->why), l->why);
  assert_ok(spool_write(fd, BYTES("two"), &l->why), l->why);
  assert_ok(spool_finish(l->dir, id, &fd, &l->why), l->why);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  /* One that is there is never written over. */
  assert_int_equal(spool_begin(l->dir, id, &fd, &l->why), E_IO);
  assert_ok(spool_open(l->dir, id, &fd, &l->why), l->why);
  assert_int_equal(read(fd, text, sizeof text), 6);
  assert_memory_equal(text, "onetwo", 6);
  assert_true(spool_write(fd, BYTES("x"), &l->why) == E_IO && strstr(l->why.text, "spool"));
  close(fd);
  spool_remove(l->dir, id);
  spool_remove(l->dir, id);
  assert_int_equal(spool_open(l->dir, id, &fd, &l->why), E_NOT_FOUND);
}

static void the_folder_is_made_when_it_is_missing(void **state) {
  struct lab *l = *state;
  int64_t id = id_new();
  int fd;
  char path[300];
  snprintf(path, sizeof path, "%s/spool", l->dir);
  folder_remove(path);
  assert_ok(spool_begin(l->dir, id, &fd, &l->why), l->why);
  assert_ok(spool_finish(l->dir, id, &fd, &l->why), l->why);
  assert_ok(spool_open(l->dir, id, &fd, &l->why), l->why);
  close(fd);
}

static void what_stands_in_the_way(void **state) {
  struct lab *l = *state;
  struct store_options options = {.log_retain_us = 0};
  char path[300];
  int fd;
  lab_close(l);
  snprintf(path, sizeof path, "%s/spool", l->dir);
  folder_remove(path);
  put(path);
  assert_int_equal(store_open(l->dir, &options, &l->store, &l->why), E_IO);
  assert_null(l->store);
  assert_non_null(strstr(l->why.text, "spool"));
  assert_int_equal(spool_begin(l->dir, id_new(), &fd, &l->why), E_IO);
  char too_long[5000];
  memset(too_long, 'x', sizeof too_long - 1);
  too_long[sizeof too_long - 1] = '\0';
  assert_int_equal(spool_begin(too_long, 1, &fd, &l->why), E_TOO_BIG);
  assert_int_equal(store_create(too_long, &l->why), E_TOO_BIG);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_file_of_a_message_stays_and_orphans_go, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(files_by_themselves, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_folder_is_made_when_it_is_missing, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_stands_in_the_way, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

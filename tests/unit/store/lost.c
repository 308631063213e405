/* The store's files go, or others take their place, while it is open; its connections are opened anew; there is none at
 * a start. */
#include "store/sqlite/files.h"
#include "store/sqlite/renewable.h"
#include "tests/unit/store_lab.h"

#include <stdatomic.h>

static void path_of(const struct lab *l, const char *suffix, char out[320]) {
  snprintf(out, 320, "%s/%s%s", l->dir, STORE_FILE, suffix);
}

static int accept_one(struct lab *l, struct letter *m) {
  letter_make(m, "blog", "a@x.example");
  return lab_run(&l->poster, &m->accept.op);
}

static bool reaches(struct lab *l, enum store_state state) {
  struct store_condition now;
  for (int i = 0; i < 500; i++) {
    store_condition(l->store, &now);
    if (now.state == state) return true;
    usleep(20000);
  }
  return false;
}

/* One of the files is moved away: no message is answered as kept. It comes back: all goes on. */
static void a_file_is_moved_away_and_back(void **state) {
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  struct lab *l = *state;
  char path[320], away[340];
  struct letter m;
  struct reason why;
  for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
    assert_int_equal(accept_one(l, &m), OK);
    path_of(l, suffixes[i], path);
    snprintf(away, sizeof away, "%s.away", path);
    assert_int_equal(rename(path, away), 0);
    assert_int_equal(accept_one(l, &m), E_IO);
    assert_non_null(strstr(m.accept.op.why.text, "removed"));
    assert_non_null(strstr(m.accept.op.why.text, path));
    assert_true(reaches(l, STORE_LOST));
    assert_false(store_records(l->store));
    assert_int_equal(store_takes_mail(l->store, 0, &why), E_IO);
    assert_int_equal(rename(away, path), 0);
    assert_true(reaches(l, STORE_GOOD));
    assert_true(store_records(l->store));
    assert_int_equal(accept_one(l, &m), OK);
  }
}

static void another_file_takes_its_place(void **state) {
  struct lab *l = *state;
  char path[320], other[340];
  struct letter m;
  assert_int_equal(accept_one(l, &m), OK);
  path_of(l, "", path);
  snprintf(other, sizeof other, "%s.other", path);
  int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  close(fd);
  assert_int_equal(rename(other, path), 0);
  assert_int_equal(accept_one(l, &m), E_IO);
  assert_non_null(strstr(m.accept.op.why.text, "replaced"));
  /* Nothing is written to what is there now, also not when the store closes. */
  lab_close(l);
  struct stat st;
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_size, 0);
}

static void an_empty_store_is_not_made_at_a_start(void **state) {
  struct lab *l = *state;
  struct store_options options = {.log_retain_us = 0};
  struct letter m;
  char path[320];
  assert_int_equal(accept_one(l, &m), OK);
  lab_close(l);
  path_of(l, "", path);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(store_open(l->dir, &options, &l->store, &l->why), E_NOT_FOUND);
  assert_null(l->store);
  assert_non_null(strstr(l->why.text, "sendoff init"));
  assert_false(lab_exists(path));
}

/* A new database beside the log of another would be damaged by it. */
static void none_is_made_beside_what_is_left_of_one(void **state) {
  struct lab *l = *state;
  char path[320], log[320];
  lab_close(l);
  path_of(l, "", path);
  path_of(l, "-wal", log);
  int fd = open(log, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  assert_true(fd >= 0);
  close(fd);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(store_create(l->dir, &l->why), E_EXISTS);
  assert_non_null(strstr(l->why.text, "-wal"));
  assert_false(lab_exists(path));
  assert_int_equal(unlink(log), 0);
  assert_ok(store_create(l->dir, &l->why), l->why);
}

/* --- connections that are opened anew --- */

static int64_t count_of(struct reader *r) {
  struct usage u;
  int rc = account_used(r, "nobody", &u);
  return rc == E_NOT_FOUND ? 0 : rc;
}

/* All of them close at once and go on; also one whose rows are being given. */
static bool close_meanwhile(void *arg, const struct event *e) {
  struct reader *r = arg;
  (void)e;
  return count_of(r) == 0; /* a nested use is no reason to end the outer one */
}

static void all_connections_close_and_go_on(void **state) {
  struct lab *l = *state;
  struct letter m;
  struct reader *r = lab_reader(l), *second = lab_reader(l);
  struct log_filter f = {.kind = -1};
  for (int i = 0; i < 20; i++) {
    assert_int_equal(accept_one(l, &m), OK);
    renewable_close_all();
    if (i % 2) assert_int_equal(count_of(second), 0);
    assert_int_equal(reader_log(r, &f, close_meanwhile, r), OK);
  }
  reader_close(&second);
  reader_close(&r);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 20);
  assert_int_equal(lab_number(l->dir, "SELECT total_messages FROM usage_counts WHERE owner = 'blog'"), 20);
}

struct hammer {
  struct lab *lab;
  atomic_bool stop;
  int failed;
};

static void *read_all_the_time(void *arg) {
  struct hammer *h = arg;
  struct reason why;
  struct reader *r;
  if (reader_open(h->lab->dir, &r, &why) != OK) return NULL;
  while (!atomic_load(&h->stop)) {
    h->failed += count_of(r) != 0;
    usleep(100);
  }
  reader_close(&r);
  return NULL;
}

static void they_close_while_others_read_and_write(void **state) {
  struct lab *l = *state;
  struct hammer h = {.lab = l};
  struct letter m;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, read_all_the_time, &h), 0);
  for (int i = 0; i < 100; i++) {
    assert_int_equal(accept_one(l, &m), OK);
    renewable_close_all();
  }
  atomic_store(&h.stop, true);
  pthread_join(thread, NULL);
  assert_int_equal(h.failed, 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 100);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_file_is_moved_away_and_back, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(another_file_takes_its_place, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_empty_store_is_not_made_at_a_start, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(none_is_made_beside_what_is_left_of_one, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(all_connections_close_and_go_on, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(they_close_while_others_read_and_write, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

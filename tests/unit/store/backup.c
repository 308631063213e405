/* A copy of a store that is in use: what happens to it while the copy is made, and what a store that was put back must
 * have. */
#include "store/backup.h"
#include "tests/unit/store_lab.h"

struct copied {
  char dir[256], path[300];
  struct backup *backup;
};

static void copied_setup(struct copied *c) {
  folder_make(c->dir, sizeof c->dir);
  snprintf(c->path, sizeof c->path, "%s/%s", c->dir, STORE_FILE);
}

static void copied_end(struct copied *c) {
  backup_free(&c->backup);
  folder_remove(c->dir);
}

static void begin(struct lab *l, struct copied *c) {
  assert_ok(backup_begin(l->dir, c->path, &c->backup, &l->why), l->why);
}

static void copy_database(struct lab *l, struct copied *c) {
  uint64_t octets, of;
  int rc;
  while ((rc = backup_step(c->backup, &octets, &of, &l->why)) == 1) assert_true(octets <= of);
  assert_ok(rc, l->why);
  assert_int_equal(octets, of);
}

/* With its content in a file. */
static void accept_large(struct lab *l, struct letter *m, struct bytes content) {
  int fd;
  letter_make(m, "blog", "a@x.example");
  m->accept.message.envelope.flags |= MESSAGE_IN_FILE;
  assert_ok(spool_begin(l->dir, letter_id(m), &fd, &l->why), l->why);
  assert_ok(spool_write(fd, content, &l->why), l->why);
  assert_ok(spool_finish(l->dir, letter_id(m), &fd, &l->why), l->why);
  assert_int_equal(lab_run(&l->poster, &m->accept.op), OK);
}

static void deliver(struct lab *l, const struct letter *m) {
  assert_int_equal(lab_outcome(l, letter_id(m), m->recipients[0].id, EVENT_DELIVERED, 0, NULL), OK);
}

/* The next file, put where it belongs. */
static int64_t take_file(struct lab *l, struct copied *c) {
  int64_t id;
  int fd, to;
  char octets[64];
  int rc = backup_next_file(c->backup, &id, &fd, &l->why);
  if (rc == 0) return 0;
  assert_int_equal(rc, 1);
  ssize_t n = read(fd, octets, sizeof octets);
  assert_true(n > 0);
  close(fd);
  assert_ok(spool_begin(c->dir, id, &to, &l->why), l->why);
  assert_ok(spool_write(to, (struct bytes){octets, (size_t)n}, &l->why), l->why);
  assert_ok(spool_finish(c->dir, id, &to, &l->why), l->why);
  return id;
}

static void end(struct lab *l, struct copied *c, uint64_t gone, uint64_t lost) {
  struct backup_counts left;
  uint64_t were_gone, were_lost;
  assert_ok(backup_end(c->backup, &left, &were_gone, &were_lost, &l->why), l->why);
  assert_int_equal(were_gone, gone);
  assert_int_equal(were_lost, lost);
  assert_int_equal(left.messages, lab_number(c->dir, "SELECT count(*) FROM messages"));
}

static void it_is_of_one_instant(void **state) {
  struct lab *l = *state;
  struct copied c = {0};
  struct backup_counts counts;
  struct letter before, large, later;
  copied_setup(&c);
  before = lab_accept(l, "blog", "a@x.example");
  accept_large(l, &large, BYTES("large"));
  begin(l, &c);
  later = lab_accept(l, "blog", "b@x.example");
  accept_large(l, &later, BYTES("later"));
  deliver(l, &before);
  copy_database(l, &c);
  assert_ok(backup_count(c.backup, &counts, &l->why), l->why);
  assert_int_equal(counts.messages, 2);
  assert_int_equal(take_file(l, &c), letter_id(&large));
  assert_int_equal(take_file(l, &c), 0);
  end(l, &c, 0, 0);
  assert_false(lab_exists(strcat(strcpy((char[400]){0}, c.path), "-wal")));
  assert_ok(backup_check(c.dir, &counts, &l->why), l->why);
  assert_int_equal(counts.messages, 2);
  assert_int_equal(counts.recipients, 2);
  assert_int_equal(counts.events, 2);
  copied_end(&c);
}

static void what_is_delivered_meanwhile_has_its_outcome(void **state) {
  struct lab *l = *state;
  struct copied c = {0};
  struct letter gone, stays;
  char text[200];
  copied_setup(&c);
  accept_large(l, &gone, BYTES("gone"));
  accept_large(l, &stays, BYTES("stays"));
  begin(l, &c);
  copy_database(l, &c);
  deliver(l, &gone);
  assert_int_equal(take_file(l, &c), letter_id(&stays));
  assert_int_equal(take_file(l, &c), 0);
  end(l, &c, 1, 0);
  assert_int_equal(lab_number(c.dir, "SELECT count(*) FROM messages"), 1);
  assert_int_equal(lab_number(c.dir, "SELECT count(*) FROM recipients"), 1);
  snprintf(text, sizeof text, "SELECT count(*) FROM events WHERE message_id = %lld", (long long)letter_id(&gone));
  assert_int_equal(lab_number(c.dir, text), 2);
  snprintf(text, sizeof text, "SELECT max(kind) FROM events WHERE message_id = %lld", (long long)letter_id(&gone));
  assert_int_equal(lab_number(c.dir, text), EVENT_DELIVERED);
  copied_end(&c);
}

static void a_file_that_was_lost_is_said(void **state) {
  struct lab *l = *state;
  struct copied c = {0};
  struct letter lost;
  copied_setup(&c);
  accept_large(l, &lost, BYTES("lost"));
  spool_remove(l->dir, letter_id(&lost));
  begin(l, &c);
  copy_database(l, &c);
  assert_int_equal(take_file(l, &c), 0);
  end(l, &c, 0, 1);
  assert_int_equal(lab_number(c.dir, "SELECT count(*) FROM messages"), 0);
  assert_int_equal(lab_number(c.dir, "SELECT count(*) FROM events WHERE kind = 8"), 1);
  copied_end(&c);
}

/* It does not begin anew with each commit. */
static void it_ends_however_much_is_written(void **state) {
  struct lab *l = *state;
  struct copied c = {0};
  uint64_t octets, of;
  int rc, steps = 0;
  copied_setup(&c);
  for (int i = 0; i < 40; i++) {
    static char text[200 * 1024];
    struct letter m;
    letter_make(&m, "blog", "a@x.example");
    m.accept.message.content = (struct bytes){text, sizeof text};
    assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  }
  begin(l, &c);
  while ((rc = backup_step(c.backup, &octets, &of, &l->why)) == 1) {
    lab_accept(l, "blog", "b@x.example");
    assert_true(++steps < 100);
  }
  assert_ok(rc, l->why);
  assert_true(steps > 4);
  end(l, &c, 0, 0);
  assert_int_equal(lab_number(c.dir, "SELECT count(*) FROM messages"), 40);
  copied_end(&c);
}

static void a_store_that_is_damaged_is_refused(void **state) {
  struct lab *l = *state;
  struct copied c = {0};
  struct backup_counts counts;
  struct letter large;
  copied_setup(&c);
  accept_large(l, &large, BYTES("large"));
  begin(l, &c);
  copy_database(l, &c);
  end(l, &c, 0, 0);
  assert_int_equal(backup_check(c.dir, &counts, &l->why), E_SYNTAX);
  assert_non_null(strstr(l->why.text, "has no content: spool/"));
  lab_exec(c.dir, "DELETE FROM messages; PRAGMA user_version = 1000");
  assert_int_equal(backup_check(c.dir, &counts, &l->why), E_NEWER);
  FILE *f = fopen(c.path, "w");
  assert_non_null(f);
  fputs("this is no database, however long it is", f);
  fclose(f);
  assert_int_not_equal(backup_check(c.dir, &counts, &l->why), OK);
  copied_end(&c);
}

static void names_of_files(void **state) {
  (void)state;
  static const char *const wrong[] = {"",       "/",          "spool",           "spool/",
                                      "../x",   "spool/../x", "/spool/00/00",    "spool/00/../../../etc/passwd",
                                      "00/000", "spool//00",  "spool/00/README", "spool/00/01234567890123456789"};
  char name[SPOOL_NAME];
  int64_t id = id_new(), again;
  spool_name(id, name);
  assert_int_equal(spool_name_parse(name, &again), OK);
  assert_int_equal(again, id);
  name[strlen(name) - 1] ^= 1;
  assert_int_equal(spool_name_parse(name, &again), E_SYNTAX);
  for (size_t i = 0; i < COUNT_OF(wrong); i++) assert_int_equal(spool_name_parse(wrong[i], &again), E_SYNTAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(it_is_of_one_instant, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_is_delivered_meanwhile_has_its_outcome, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_file_that_was_lost_is_said, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(it_ends_however_much_is_written, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_store_that_is_damaged_is_refused, lab_setup, lab_teardown),
      cmocka_unit_test(names_of_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
